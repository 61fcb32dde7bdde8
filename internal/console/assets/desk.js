// What makes opening a request quick: a digit chooses what they need, and a
// form that is on its way is not sent again. The server holds the key that
// makes a second sending harmless; without this script everything works alike.
"use strict";
(() => {
  for (const form of document.querySelectorAll("[data-numbers]")) {
    const actions = [...form.querySelectorAll("input[name=action]")].slice(0, 9);
    for (const [i, radio] of actions.entries()) {
      const key = radio.parentElement.querySelector("kbd");
      key.textContent = String(i + 1);
      key.hidden = false;
    }
    form.addEventListener("submit", (e) => {
      if (form.dataset.sent) e.preventDefault();
      form.dataset.sent = "yes";
    });
    addEventListener("pageshow", () => { delete form.dataset.sent; });
  }
  addEventListener("keydown", (e) => {
    const typing = e.target.closest?.("input:not([type=radio]), textarea, select, dialog");
    const form = document.querySelector("[data-numbers]");
    if (typing || !form || e.ctrlKey || e.metaKey || e.altKey || !/^[1-9]$/.test(e.key)) return;
    const radio = form.querySelectorAll("input[name=action]")[Number(e.key) - 1];
    if (!radio) return;
    e.preventDefault();
    radio.checked = true;
    radio.focus();
  });
})();
