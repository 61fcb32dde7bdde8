// What the pages cannot do without a script: passkeys. It makes no markup from
// text, loads nothing, and speaks only to this site's API.
"use strict";
(() => {
  const api = "/api/v1";

  // say is a text in the reader's language, by its English words.
  const say = (english, ...args) => args.reduce((text, a) => text.replace("%s", () => a), (window.words || {})[english] || english);

  // Bytes travel as unpadded base64url (WebAuthn Level 3 §5.1.8).
  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

  const withBytes = (list) => (list || []).map((d) => ({ ...d, id: decode(d.id) }));

  // Browsers that do not know the JSON forms yet get the same by hand.
  function creationOptions(o) {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(o);
    return { ...o, challenge: decode(o.challenge), user: { ...o.user, id: decode(o.user.id) }, excludeCredentials: withBytes(o.excludeCredentials) };
  }

  function requestOptions(o) {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(o);
    return { ...o, challenge: decode(o.challenge), allowCredentials: withBytes(o.allowCredentials) };
  }

  function answerOf(credential) {
    if (credential.toJSON) return credential.toJSON();
    const r = credential.response, response = {};
    for (const k of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (r[k]) response[k] = encode(r[k]);
    }
    if (r.getTransports) response.transports = r.getTransports();
    return { id: credential.id, rawId: encode(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
  }

  // Trouble carries words that are meant for the reader.
  class Trouble extends Error {
    constructor(text, code) { super(text); this.code = code; }
  }

  async function post(path, body) {
    let answer;
    try {
      answer = await fetch(path, {
        method: "POST", credentials: "same-origin", redirect: "error",
        headers: { "Content-Type": "application/json", "Idempotency-Key": encode(crypto.getRandomValues(new Uint8Array(18))) },
        body: JSON.stringify(body),
      });
    } catch {
      throw new Trouble(say("The server cannot be reached. Nothing is known to have been done; look again before you repeat it."));
    }
    const text = await answer.text();
    let value = {};
    try { value = text ? JSON.parse(text) : {}; } catch { /* an intermediary's page: the status says enough */ }
    if (!answer.ok) throw new Trouble(refusal(value) || say("The server answered %s.", answer.status), value.code);
    return value;
  }

  // refusal is what the server says against it: in English as it was put, in
  // another language as far as there are words for it.
  function refusal({ detail, code }) {
    const words = window.words || {}, text = sentence(detail);
    return words[text] || words["!" + code] || text;
  }

  const sentence = (s) => s ? s[0].toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? "" : ".") : "";

  async function ask(kind, options) {
    if (!window.PublicKeyCredential) throw new Trouble(say("This browser knows no passkeys. Use a newer one, or the command line."));
    try {
      const credential = kind === "create"
        ? await navigator.credentials.create({ publicKey: creationOptions(options) })
        : await navigator.credentials.get({ publicKey: requestOptions(options) });
      return answerOf(credential);
    } catch (e) {
      throw new Trouble({
        NotAllowedError: say("The passkey prompt was closed or took too long. Nothing was signed."),
        InvalidStateError: say("This device has a passkey for this place already."),
        SecurityError: say("Passkeys do not work under this address. Open the site under the address it was set up with."),
        AbortError: say("The passkey prompt was closed. Nothing was signed."),
      }[e.name] || say("The passkey could not be asked: %s", e.message));
    }
  }

  // part finds an element of a task by its data attribute.
  const part = (box, name) => box.querySelector(`[data-${name}]`);

  function tell(box, text) {
    const out = part(box, "outcome");
    out.textContent = text;
    out.hidden = !text;
  }

  // over are the refusals of a signature that no second one can mend.
  const over = ["signed_already", "request_ended", "statement_outdated"];

  // onPress runs a step when its button is pressed, one at a time.
  function onPress(box, button, step) {
    button.disabled = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      tell(box, "");
      try {
        await step();
      } catch (e) {
        if (e.code === "unauthenticated" || e.code === "session_unknown") {
          location.assign(box.dataset.lost || "/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
          return;
        }
        tell(box, e instanceof Trouble ? e.message : say("Something went wrong on this page: %s", e.message));
        if (e.code === "page_lies" || over.includes(e.code)) { // for good: the button stays off
          const look = part(box, "stands");
          if (look) look.hidden = e.code === "page_lies" || !look.firstElementChild.href;
          return;
        }
      }
      button.disabled = false;
    });
  }

  // verified reports whether the text on the page is what the passkey would
  // sign: the challenge has to be the SHA-256 of its bytes.
  async function verified(box, options) {
    const text = part(box, "statement").textContent, check = part(box, "check");
    check.hidden = false;
    const hash = encode(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    const same = hash === options.challenge;
    check.className = "check " + (same ? "good" : "bad");
    check.textContent = same
      ? say("Checked on this device: your passkey signs these bytes. SHA-256 %s", hash)
      : say("Do not sign: this text is not what your passkey would sign. Tell your security team.");
    return same;
  }

  async function signature(box, options) {
    if (!await verified(box, options)) throw new Trouble(say("Nothing was signed."), "page_lies");
    return ask("get", options);
  }

  // fill writes a statement line by line, as the server does.
  function fill(pre, text) {
    pre.replaceChildren();
    for (const line of text.match(/[^\n]*\n|[^\n]+$/g) || []) {
      const span = document.createElement("span");
      span.className = "line";
      const at = line.indexOf(": ");
      if (at > 0) {
        const name = document.createElement("b");
        name.textContent = line.slice(0, at);
        span.append(name, line.slice(at));
      } else {
        span.append(line);
      }
      pre.append(span);
    }
  }

  // looked waits until the statement has been on the screen for as long as the
  // server wants, and counts on the button. A tab that nobody sees counts too:
  // the server's clock decides.
  async function looked(box, button) {
    const words = button.textContent, until = performance.now() + 1000 * Number(box.dataset.look || 0);
    for (let left; (left = Math.ceil((until - performance.now()) / 1000)) > 0;) {
      button.textContent = `${words} (${left})`;
      await new Promise((done) => setTimeout(done, 250));
    }
    button.textContent = words;
  }

  // A reason that somebody has begun to write outlives a session that ends
  // meanwhile, in this tab alone.
  const kept = () => "note " + location.pathname + location.search;

  function keep(note) {
    if (!note) return;
    note.value ||= sessionStorage.getItem(kept()) || "";
    note.addEventListener("input", () => sessionStorage.setItem(kept(), note.value));
  }

  async function sign(box) {
    const task = JSON.parse(box.dataset.sign);
    if (task.next) part(box, "stands").firstElementChild.href = task.next;
    keep(part(box, "note"));
    if (!await verified(box, task.options)) return;
    await looked(box, part(box, "act"));
    onPress(box, part(box, "act"), async () => {
      const fields = { ...task.fields };
      const note = part(box, "note");
      if (note && note.required && !note.reportValidity()) return;
      if (note && note.value.trim()) fields.note = note.value.trim();
      const assertion = await signature(box, task.options);
      const answer = await post(task.post, { ...fields, assertion });
      sessionStorage.removeItem(kept());
      if (task.show) reveal(box, answer[task.show]);
      else location.assign(task.next);
      await new Promise(() => {}); // the page is leaving; the button stays as it is
    });
  }

  // reveal shows, in place of what was signed, the secret that came of it.
  function reveal(box, text) {
    const shown = document.querySelector("[data-shown]");
    shown.querySelector(".secret").textContent = text;
    for (const read of [box, document.querySelector("main .lead")]) read.hidden = true;
    shown.hidden = false;
    shown.querySelector("h2").focus();
  }

  async function signIn(box) {
    const next = box.dataset.next;
    const me = await fetch(api + "/me", { credentials: "same-origin" }).catch(() => null);
    if (me && me.ok) {
      location.replace(next);
      return;
    }
    const button = part(box, "act");
    if (!button) return; // the organisation's own sign-in comes first: a link
    onPress(box, button, async () => {
      const begun = await post(api + "/sign-in/begin", {});
      const response = await ask("get", begun.options);
      await post(api + "/sign-in/finish", { ceremony: begun.ceremony, response, as: "cookie" });
      location.replace(next);
      await new Promise(() => {});
    });
  }

  function join(box) {
    const stage = (name) => box.querySelector(`[data-stage="${name}"]`);
    const go = (name) => {
      for (const s of box.querySelectorAll("[data-stage]")) s.hidden = s !== stage(name);
      stage(name).querySelector("h1").focus();
    };
    const token = location.hash.slice(1);
    if (!/^inv_[\w-]+$/.test(token)) {
      tell(box, say("This page needs the whole link of your invitation, up to its last character."));
      return;
    }
    // The token works once more until it is redeemed: it does not stay in the
    // address bar or in the history.
    history.replaceState(null, "", location.pathname);
    onPress(box, part(stage("start"), "act"), async () => {
      const begun = await post(api + "/join/begin", { token });
      const joined = await post(api + "/join/register", { token, response: await ask("create", begun.options) });
      if (!joined.sign) {
        part(box, "fingerprint").textContent = joined.fingerprint;
        go("proposed");
        return;
      }
      const { statement, options } = joined.sign;
      fill(part(box, "statement"), statement);
      go("founding");
      if (!await verified(box, options)) return;
      onPress(box, part(stage("founding"), "act"), async () => {
        await post(api + "/join/found", { token, assertion: await signature(box, options) });
        go("founded");
      });
    });
  }

  // What a button copies stands right before it.
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const words = button.querySelector("span") || button;
      try {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        words.textContent = say("Copied");
      } catch {
        words.textContent = say("Select it and copy by hand");
      }
    });
  }

  // A secret is covered after a while, and gone when the page is left.
  function secret(box) {
    const shown = part(box, "secrets") || box;
    addEventListener("pagehide", () => { for (const s of shown.querySelectorAll(".secret, .spelled")) s.textContent = say("shown once already"); });
    if (box.dataset.hide) cover(box, shown, Number(box.dataset.hide));
  }

  function cover(box, shown, seconds) {
    const timer = part(box, "timer"), clock = timer.querySelector("[role=timer]"), longer = part(box, "longer");
    const words = longer.textContent;
    let until = Date.now() + 1000 * seconds;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      shown.hidden = left <= 0;
      clock.textContent = left > 0 ? clock.dataset.leftWords.replace("%s", span(left)) : clock.dataset.hiddenWords;
      longer.textContent = left > 0 ? words : longer.dataset.again;
    };
    longer.addEventListener("click", () => { until = Date.now() + 1000 * seconds; tick(); });
    timer.hidden = false;
    setInterval(tick, 500);
    tick();
  }

  // await loads the page again when its case has changed, and now and then: what
  // changed before the stream stood was not told.
  function awaited() {
    const stream = new EventSource(api + "/case/events");
    stream.addEventListener("changed", () => location.reload());
    setInterval(() => { if (!document.hidden) location.reload(); }, 30000);
    addEventListener("pagehide", () => stream.close());
  }

  // What ends a session, or asks for a fresh proof, is for the server's page to
  // say.
  const owned = (step) => async () => {
    try {
      await step();
    } catch (e) {
      if (!["unauthenticated", "session_unknown", "proof_too_old"].includes(e.code)) throw e;
      location.reload();
      await new Promise(() => {});
    }
  };

  function ownSignIn(box) {
    onPress(box, part(box, "act"), async () => {
      const begun = await post(api + "/security/sign-in/begin", {});
      const response = await ask("get", begun.options);
      await post(api + "/security/sign-in/finish", { ceremony: begun.ceremony, response, as: "cookie" });
      location.replace(box.dataset.next);
      await new Promise(() => {});
    });
  }

  function ownPasskey(box) {
    onPress(box, part(box, "act"), owned(async () => {
      const begun = await post(api + "/security/passkeys", { label: part(box, "label").value.trim() });
      const response = await ask("create", begun.options);
      await post(api + "/security/passkeys/" + encodeURIComponent(begun.enrolment), { response });
      location.assign(box.dataset.next);
      await new Promise(() => {});
    }));
  }

  function recoveryCard(box) {
    secret(box);
    const button = part(box, "print");
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // Times are written in UTC. Readers see their own zone, and the desk's beside
  // it where its clock shows another time; UTC is in the hint.
  const root = document.documentElement, language = root.lang;
  const spoken = navigator.languages.find((l) => l.split("-")[0] === language) || language;
  const format = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
  const here = new Intl.DateTimeFormat(spoken, format);
  const there = root.dataset.zone ? new Intl.DateTimeFormat(spoken, { ...format, timeZone: root.dataset.zone }) : here;

  function both(at) {
    const [own, desk] = [here.format(at), there.format(at)];
    return own === desk ? own : `${own} (${root.dataset.desk.replace("%s", desk)})`;
  }

  window.written = both; // for the scripts that come after this one

  const distance = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  function ago(at) {
    const s = (at - Date.now()) / 1000;
    const [unit, size] = units.find(([, size]) => Math.abs(s) >= size) || ["second", 1];
    return distance.format(Math.trunc(s / size), unit);
  }

  function times() {
    for (const t of document.querySelectorAll("time[datetime]")) {
      const at = new Date(t.dateTime);
      if (isNaN(at)) continue;
      t.title ||= t.textContent;
      t.textContent = t.dataset.ago === undefined ? both(at) : ago(at);
    }
  }

  // span is a length of time in words: its two largest units.
  function span(seconds) {
    const said = [];
    for (const [unit, size] of units) {
      const n = Math.floor(seconds / size);
      seconds -= n * size;
      if (n > 0 && said.length < 2) said.push(new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(n));
    }
    return said.join(" ");
  }

  // clocks count down to what the server has said.
  function clocks() {
    for (const c of document.querySelectorAll("[data-left]")) {
      const left = Math.ceil((new Date(c.dataset.left) - Date.now()) / 1000);
      c.hidden = isNaN(left);
      c.textContent = left > 0 ? c.dataset.words.replace("%s", span(left)) : c.dataset.over;
    }
  }

  times();
  clocks();
  setInterval(times, 20000);
  setInterval(clocks, 1000);
  document.addEventListener("fresh", () => { times(); clocks(); });

  const tasks = { sign, join, secret, await: awaited, "sign-in": signIn, "own-sign-in": ownSignIn, "own-passkey": ownPasskey, "recovery-card": recoveryCard };
  for (const box of document.querySelectorAll("[data-task]")) tasks[box.dataset.task](box);
})();
