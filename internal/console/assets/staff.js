// What makes the console quick for people who work in it all day: one box that
// goes anywhere, keys for lists, and help on them. Everything it does can be
// done without it.
"use strict";
(() => {
  // On a telephone the navigation is a strip: it begins where the reader is.
  if (matchMedia("(max-width: 59.99rem)").matches) {
    requestAnimationFrame(() => {
      for (const here of document.querySelectorAll(":is(.side, .policy-tabs) [aria-current]")) here.scrollIntoView({ block: "nearest", inline: "center" });
    });
  }

  const palette = document.getElementById("palette"), keys = document.getElementById("keys");
  const words = document.getElementById("palette-words"), list = document.getElementById("palette-list");

  // A place is a link of the page's own navigation, or what the words can mean.
  const places = [...document.querySelectorAll(".side nav a")].map((a) => ({ label: a.textContent.trim(), href: a.getAttribute("href") }));
  for (const a of document.querySelectorAll("main a[data-command]")) places.push({ label: a.dataset.command, href: a.getAttribute("href") });

  const codeLetters = /^[2-9A-HJ-NP-Z]{4}[- ]?[2-9A-HJ-NP-Z]{4}$/i;
  const staffMay = (path) => places.some((p) => p.href === path);

  function meant(text) {
    const found = [];
    if (codeLetters.test(text)) {
      const code = text.replace(/[- ]/g, "").toUpperCase();
      found.push({ label: `${list.dataset.case} ${code.slice(0, 4)}-${code.slice(4)}`, href: "/requests?case=" + encodeURIComponent(code.slice(0, 4) + "-" + code.slice(4)) });
    }
    if (/^req_[\w-]+$/.test(text)) found.push({ label: text, href: "/requests/" + encodeURIComponent(text) });
    if (/^\d+$/.test(text) && staffMay("/ledger")) found.push({ label: `${list.dataset.entry} ${text}`, href: "/ledger/" + text });
    const part = text.toLowerCase();
    found.push(...places.filter((p) => p.label.toLowerCase().includes(part)));
    if (text && staffMay("/desk")) found.push({ label: `${list.dataset.look} ${text}`, href: "/desk?login=" + encodeURIComponent(text) });
    return found;
  }

  let shown = [], at = 0;

  function mark(next) {
    at = (next + shown.length) % Math.max(shown.length, 1);
    for (const [i, item] of [...list.children].entries()) {
      item.setAttribute("aria-selected", String(i === at));
      if (i === at) {
        words.setAttribute("aria-activedescendant", item.id);
        item.scrollIntoView({ block: "nearest" });
      }
    }
  }

  function offer() {
    shown = meant(words.value.trim());
    list.replaceChildren(...shown.map((p, i) => {
      const item = document.createElement("li");
      item.role = "option";
      item.id = "palette-" + i;
      item.textContent = p.label;
      item.addEventListener("click", () => location.assign(p.href));
      return item;
    }));
    if (!shown.length) {
      const none = document.createElement("li");
      none.className = "none";
      none.textContent = list.dataset.none;
      list.append(none);
    }
    mark(0);
  }

  function openPalette() {
    words.value = "";
    offer();
    palette.showModal();
    words.focus();
  }

  words.addEventListener("input", offer);
  words.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown") mark(at + 1);
    else if (e.key === "ArrowUp") mark(at - 1);
    else if (e.key === "Enter" && shown[at]) location.assign(shown[at].href);
    else return;
    e.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-open=palette]")) {
    button.hidden = false;
    button.addEventListener("click", openPalette);
  }
  for (const dialog of [palette, keys]) dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });

  // Rows of the lists on this page, in order. A row is marked by having the
  // focus, so that screen readers and the eye agree.
  const rows = () => [...document.querySelectorAll("[data-keys=list] :is(a[href], button)")].filter((a) => a.offsetParent !== null && !a.closest("[data-keys-skip]"));

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const now = all.indexOf(document.activeElement);
    all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1)].focus();
  }

  const first = { d: "/desk", s: "/approvals", r: "/requests", l: "/ledger", p: "/policy", o: "/roster" };
  let going = false; // g was pressed, and a letter is to come

  addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k") {
      e.preventDefault();
      if (!palette.open) openPalette();
      return;
    }
    // A browser leaves the focus in a closed dialog until it draws again.
    const field = e.target.closest?.("input, textarea, select, [contenteditable], dialog, .editor");
    const typing = field && !field.closest("dialog:not([open])");
    if (typing || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    if (going) {
      going = false;
      if (staffMay(first[e.key])) location.assign(first[e.key]);
      return;
    }
    switch (e.key) {
      case "/": e.preventDefault(); openPalette(); break;
      case "?": keys.showModal(); break;
      case "j": step(1); break;
      case "k": step(-1); break;
      case "g": going = true; break;
      case "n": if (staffMay("/desk")) location.assign("/desk"); break;
    }
  });
})();
