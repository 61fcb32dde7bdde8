// The demo's side of a page: security keys that are touched on the screen, and
// a panel with the cast's telephones and mailboxes. It is no part of the
// product, and makes no markup from text either.
"use strict";
(() => {
  const root = document.documentElement, store = localStorage;
  const narrow = matchMedia("(max-width: 56.2rem)");
  const opened = () => narrow.matches ? sessionStorage.getItem("demo-drawer") === "open" : store.getItem("demo-panel") !== "shut";
  const shape = () => root.classList.toggle("demo-open", opened());
  root.classList.add("demo");
  shape();

  // el makes an element: its name with classes, its attributes, its children.
  function el(name, attributes, ...children) {
    const [tag, ...classes] = name.split(".");
    const e = document.createElement(tag);
    if (classes.length) e.className = classes.map((c) => "demo-" + c).join(" ");
    for (const [k, v] of Object.entries(attributes || {})) {
      if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
      else if (v === true) e.setAttribute(k, "");
      else if (v !== false && v != null) e.setAttribute(k, v);
    }
    e.append(...children.filter((c) => c != null));
    return e;
  }

  // Security keys.
  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer.buffer || buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)).buffer;
  const named = (list) => (list || []).map((d) => ({ type: d.type, id: encode(d.id) }));
  const refusal = (text) => new DOMException(text, "NotAllowedError");

  async function call(path, body) {
    const answer = await fetch(path, { method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw refusal(await answer.text());
    return answer.json();
  }

  // choose asks who touches their key. It ends with a holder, "own", or null.
  function choose(title, text, holders, own) {
    return new Promise((done) => {
      let chosen = null;
      const pick = (what) => () => { chosen = what; dialog.close(); };
      const buttons = holders.map((h, i) => el("button.touch", { type: "button", autofocus: i === 0, onclick: pick(h) },
        el("b", {}, `${h.name}’s security key: touch`), el("span", {}, h.part)));
      const dialog = el("dialog.key", { "aria-labelledby": "demo-key-title", onclose: () => { dialog.remove(); done(chosen); } },
        el("p.eyebrow", {}, "Demo"), el("h2", { id: "demo-key-title" }, title), el("p", {}, text),
        el("div.touches", {}, ...buttons),
        el("div.row", {},
          own ? el("button.small", { type: "button", onclick: pick("own") }, "Use a passkey of my own") : null,
          el("button.small", { type: "button", onclick: pick(null) }, "Not now")));
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  // credential is what the browser would have returned: its JSON form, and the
  // same as bytes.
  function credential(json) {
    const response = {};
    for (const k of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (json.response[k]) response[k] = decode(json.response[k]);
    }
    response.getTransports = () => json.response.transports || [];
    return { id: json.id, rawId: decode(json.rawId), type: json.type, response, authenticatorAttachment: json.authenticatorAttachment,
      toJSON: () => json, getClientExtensionResults: () => ({}) };
  }

  if (navigator.credentials) {
    const get = navigator.credentials.get.bind(navigator.credentials);
    const create = navigator.credentials.create.bind(navigator.credentials);
    navigator.credentials.get = async (o) => {
      const p = o && o.publicKey;
      if (!p || o.mediation === "conditional") return get(o);
      const options = { challenge: encode(p.challenge), rpId: p.rpId, userVerification: p.userVerification, allowCredentials: named(p.allowCredentials) };
      const page = location.pathname;
      const { holders, own } = await call("/demo/passkey/who", { page, options });
      if (!holders.length) return get(o);
      const text = options.allowCredentials.length
        ? "This page asks for a signature over the lines that it shows. Whoever touches the key signs them."
        : "This page asks who you are.";
      const chosen = await choose(holders.length === 1 ? `${holders[0].name}’s security key` : "Whose security key?", text, holders, own);
      if (chosen === "own") return get(o);
      if (!chosen) throw refusal("nobody touched a key");
      return credential(await call("/demo/passkey/get", { who: chosen.id, page, options }));
    };
    navigator.credentials.create = async (o) => {
      const p = o && o.publicKey;
      if (!p) return create(o);
      const user = { ...p.user, id: encode(p.user.id) };
      const options = { ...p, challenge: encode(p.challenge), user, excludeCredentials: named(p.excludeCredentials) };
      const chosen = await choose("A new security key", "The demo can make one that is touched on the screen, or you use what your own device has.",
        [{ name: p.user.displayName || p.user.name, part: "a new key of the demo’s" }], true);
      if (chosen === "own") return create(o);
      if (!chosen) throw refusal("nobody touched a key");
      return credential(await call("/demo/passkey/create", { page: location.pathname, options }));
    };
  }

  // The panel.
  let panel, toggle, body, news, latest = null, seen = null, tag = "";
  const shown = {}; // what each section was last built from

  // Whoever becomes somebody on a telephone wants to see their page, not the
  // drawer.
  const leaving = () => sessionStorage.removeItem("demo-drawer");
  const become = (who, text, next, kind) => el("form", { method: "post", action: "/demo/become", onsubmit: leaving },
    el("input", { type: "hidden", name: "who", value: who }),
    next ? el("input", { type: "hidden", name: "next", value: next }) : null,
    el("button." + (kind || "small"), {}, text));

  // field is where on the page a code could be typed.
  const field = () => [...document.querySelectorAll("main input")].find((i) => !i.disabled && !i.readOnly && i.offsetParent &&
    ["answer", "code", "case"].includes(i.name));

  function typed(code) {
    const input = field();
    if (!input) {
      navigator.clipboard?.writeText(code).catch(() => {});
      return "Copied";
    }
    if (narrow.matches) setOpen(false);
    input.value = code;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
    return "Typed";
  }

  function code(text) {
    const say = el("span", {}, "Type it");
    const button = el("button.code", { type: "button", "aria-label": `Type it: ${text}`, onclick: () => {
      say.textContent = typed(text);
      setTimeout(() => { say.textContent = "Type it"; }, 2000);
    } }, say);
    return el("span.codes", {}, el("code", {}, text), button);
  }

  const pieces = (parts) => (parts || []).map((p) => {
    if (p.kind === "code") return code(p.text);
    if (p.kind === "link") return el("a", { href: p.text, onclick: leaving }, p.text.replace(/^https?:\/\/[^/]+/, ""));
    return p.text;
  });

  const time = (t) => new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(new Date(t));

  // section rebuilds a part of the panel when its data has changed, and leaves
  // what is open as it is.
  function section(id, title, data, build) {
    const text = JSON.stringify(data);
    if (shown[id] === text) return;
    shown[id] = text;
    let box = document.getElementById("demo-" + id);
    if (!box) {
      box = el("details.section", { id: "demo-" + id, open: store.getItem("demo-" + id) !== "shut",
        ontoggle: () => store.setItem("demo-" + id, box.open ? "open" : "shut") }, el("summary", {}, title), el("div", {}));
      body.append(box);
    }
    const focus = document.activeElement?.dataset?.key;
    const open = new Set([...box.querySelectorAll("details[open][data-id]")].map((d) => d.dataset.id));
    const shut = new Set([...box.querySelectorAll("details:not([open])[data-id]")].map((d) => d.dataset.id));
    box.lastChild.replaceChildren(...build(open, shut));
    if (focus) box.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }

  // A step is one line; the one that is due says what to do.
  const stepItem = (due) => (s) => el(s.done ? "li.done" : due(s) ? "li.due" : "li", {},
    el("div", {}, el("p", {}, el("b", {}, s.title), s.done ? el("span.tick", {}, " done") : el("span.by", {}, " as " + s.name)),
      due(s) ? el("p", {}, s.text) : null, due(s) ? become(s.who, s.who === latest.me.id ? "To the page" : "Be " + s.name, s.next) : null));

  function draw(v) {
    toggle.lastChild.textContent = v.me.name || "nobody yet";
    section("me", "Who I am", [v.me, v.cast], () => {
      const select = el("select", { name: "who", id: "demo-who", "data-key": "who" });
      for (const c of v.cast) select.append(el("option", { value: c.id, selected: c.id === v.me.id }, `${c.name}, ${c.part}`));
      return [
        el("p.me", {}, v.me.id ? el("b", {}, v.me.name) : el("b", {}, "Nobody yet"), v.me.part ? el("span", {}, v.me.part) : null),
        el("form.become", { method: "post", action: "/demo/become", onsubmit: leaving }, el("label", { for: "demo-who" }, "Become"), select, el("button.small", { "data-key": "become" }, "Go")),
        el("p", {}, el("a", { href: "/demo", onclick: leaving }, "The whole cast")),
      ];
    });
    section("guide", "Five minutes", [v.steps, v.tries, v.me.id], () => {
      const now = v.steps.find((s) => !s.done);
      return [
        el("ol.steps", {}, ...v.steps.map(stepItem((s) => s === now))),
        now ? null : el("p.tick", {}, "That was all of it. Now try to get past it:"),
        el("details", { open: !now, "data-id": "tries" }, el("summary", {}, "Try to get past it"), el("ul.steps", {}, ...v.tries.map(stepItem((s) => !s.done)))),
      ].filter(Boolean);
    });
    const whose = v.people.find((p) => p.id === v.me.id) || v.people.find((p) => p.id === store.getItem("demo-whose")) || v.people[0];
    section("things", "Telephone, app and drawer", [whose, v.people.map((p) => p.line), v.me.id], () => {
      const select = el("select", { id: "demo-whose", "data-key": "whose", onchange: () => { store.setItem("demo-whose", select.value); draw(latest); } });
      for (const p of v.people) select.append(el("option", { value: p.id, selected: p.id === whose.id }, p.name));
      const mine = v.people.some((p) => p.id === v.me.id);
      const rows = [];
      const row = (name, ...what) => rows.push(el("div", {}, el("dt", {}, name), el("dd", {}, ...what)));
      if (whose.line) row("On the line", ...pieces(whose.line));
      row("Telephone", whose.phone || "none on record");
      if (whose.app) row("Authenticator app", code(whose.app));
      if (whose.drawer) row("Card in the drawer", code(whose.drawer), el("small", {}, "Good until it is used; then a fresh one comes with the result."));
      if (whose.key) row("Security key", "on the key ring: touched when a page asks");
      return [
        mine ? el("p", {}, el("b", {}, whose.name), " has at hand:") : el("p.become", {}, el("label", { for: "demo-whose" }, "Of"), select),
        el("dl", {}, ...rows),
      ];
    });
    section("post", "Letters, texts and calls", v.post, (open, shut) => v.post.length
      ? v.post.map((m, i) => el("details.letter", { "data-id": m.id, open: open.has(m.id) || i === 0 && !shut.has(m.id) },
        el("summary", { "data-key": m.id }, el("b", {}, m.who), el("span", {}, { mail: "letter", text: "text message", call: "call" }[m.way]), el("time", {}, time(m.at)),
          m.subject ? el("span.subject", {}, m.subject) : null),
        el("div.text", {}, ...pieces(m.parts))))
      : [el("p", {}, "Nothing has come yet. Codes and notices appear here as they are sent.")]);
    const ids = v.post.map((m) => m.id);
    if (seen && ids.length && !seen.has(ids[0])) {
      news.textContent = `New for ${v.post[0].who}: ${v.post[0].subject || "a message"}`;
      toggle.classList.add("demo-news");
    }
    seen = new Set(ids);
  }

  // The panel's data is asked for once a second; mostly it is the same.
  async function watch() {
    try {
      if (!document.hidden) {
        const answer = await fetch("/demo/post.json", { credentials: "same-origin", cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
        if (answer.status === 200) {
          tag = answer.headers.get("ETag") || "";
          latest = await answer.json();
          draw(latest);
        }
        panel.classList.toggle("demo-lost", !(answer.ok || answer.status === 304));
      }
    } catch {
      panel.classList.add("demo-lost");
    }
    setTimeout(watch, 1000);
  }

  function setOpen(open) {
    if (narrow.matches) sessionStorage.setItem("demo-drawer", open ? "open" : "shut");
    else store.setItem("demo-panel", open ? "open" : "shut");
    arrange();
  }

  function arrange() {
    shape();
    const open = opened();
    toggle.setAttribute("aria-expanded", String(open));
    panel.hidden = !open;
    if (open) toggle.classList.remove("demo-news");
  }

  addEventListener("DOMContentLoaded", () => {
    toggle = el("button.toggle", { type: "button", "aria-controls": "demo-panel", onclick: () => setOpen(!opened()) }, el("b", {}, "Demo"), el("span", {}, "…"));
    body = el("div.body", {});
    news = el("p.sr", { "aria-live": "polite" });
    panel = el("aside.panel", { id: "demo-panel", "aria-label": "Demo" },
      el("p.lost", { role: "status" }, "The demo has ended, or does not answer."), body);
    panel.addEventListener("keydown", (e) => {
      if (e.key !== "Escape") return;
      setOpen(false);
      toggle.focus();
    });
    document.body.append(el("div.bar", {}, toggle, news), panel);
    narrow.addEventListener("change", arrange);
    arrange();
    watch();
  });
})();
