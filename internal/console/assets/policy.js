// What a text area of the policy's pages holds is kept in this tab, a file can
// be taken into it, and a draft of the policy can stand in for the one in
// force. All of it can be done by hand.
"use strict";
(() => {
  const read = (key) => { try { return sessionStorage.getItem(key); } catch { return null; } };
  const keep = (key, text) => { try { sessionStorage.setItem(key, text); } catch { /* full, or forbidden */ } };

  for (const form of document.querySelectorAll("form[data-keep]")) {
    const area = form.querySelector("[data-kept]"), key = form.dataset.keep;
    const kept = read(key);
    if (kept && area.value === area.defaultValue && !document.getElementById("tested") && !area.closest("form").querySelector("[data-draft-text]").value) area.value = kept;
    area.addEventListener("input", () => keep(key, area.value));
    form.addEventListener("submit", () => keep(key, area.value));

    const file = form.querySelector("[data-file]");
    file.hidden = false;
    file.querySelector("input").addEventListener("change", async (e) => {
      const [one] = e.target.files;
      if (!one || one.size > 1 << 20) return;
      area.value = await one.text();
      keep(key, area.value);
      area.focus();
    });

    const choice = form.querySelector("[data-draft]"), text = form.querySelector("[data-draft-text]");
    let draft = null;
    try { draft = JSON.parse(read("policy-draft")); } catch { /* none */ }
    if (draft && typeof draft.text === "string" || text.value) {
      const tick = choice.querySelector("input");
      choice.hidden = false;
      const fill = () => { text.value = tick.checked ? (draft ? draft.text : text.defaultValue) : ""; };
      tick.addEventListener("change", fill);
      fill();
    }
  }
})();
