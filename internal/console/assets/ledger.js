// Checks the ledger in the reader's own browser: that an entry leads to the
// signed root (RFC 9162 §2.1.3.2), that the head is signed (C2SP signed-note,
// Ed25519), and that it continues the head this browser saw last (RFC 9162
// §2.1.4.2). It holds no words: what it has to say stands in the page.
"use strict";
(() => {
  const utf8 = new TextEncoder();
  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const base64 = (b) => btoa(String.fromCharCode(...b));
  const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
  const joined = (...parts) => {
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) { out.set(p, at); at += p.length; }
    return out;
  };
  const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
  const leafHash = (leaf) => sha256([0], leaf);
  const nodeHash = (left, right) => sha256([1], left, right);
  const half = (n) => Math.floor(n / 2);
  const odd = (n) => n % 2 === 1;

  // No is a finding: data-say names the sentence on the page that tells it.
  class No extends Error {
    constructor(say, step) { super(say); this.say = say; this.step = step; }
  }

  // climb folds an audit path up to the root, and tells of every step: the
  // neighbour, on which side it stands, and which entries lie below both.
  async function climb(index, size, hash, path, tell) {
    let fn = index, sn = size - 1, width = 1, low = index, high = index;
    for (const neighbour of path) {
      if (sn === 0) throw new No("path", "root");
      const left = odd(fn) || fn === sn;
      hash = left ? await nodeHash(neighbour, hash) : await nodeHash(hash, neighbour);
      if (left) while (!odd(fn) && fn !== 0) { fn = half(fn); sn = half(sn); width *= 2; }
      const from = left ? (fn - 1) * width : (fn + 1) * width;
      const to = left ? low - 1 : Math.min(from + width, size) - 1;
      low = Math.min(low, from);
      high = Math.max(high, to);
      tell({ left, neighbour, hash, from, to, low, high });
      fn = half(fn); sn = half(sn); width *= 2;
    }
    if (sn !== 0) throw new No("path", "root");
    return hash;
  }

  // continues reports whether the newer root continues the older one.
  async function continues(older, newer, path) {
    if (older.size === newer.size) return path.length === 0 && same(older.root, newer.root);
    if (older.size > newer.size) return false;
    if (older.size === 0) return path.length === 0;
    let fn = older.size - 1, sn = newer.size - 1;
    while (odd(fn)) { fn = half(fn); sn = half(sn); }
    const all = fn === 0 ? [older.root, ...path] : path; // an older tree without a ragged edge is not sent
    if (all.length === 0) return false;
    let [was, is] = [all[0], all[0]];
    for (const c of all.slice(1)) {
      if (sn === 0) return false;
      if (odd(fn) || fn === sn) {
        [was, is] = [await nodeHash(c, was), await nodeHash(c, is)];
        while (!odd(fn) && fn !== 0) { fn = half(fn); sn = half(sn); }
      } else {
        is = await nodeHash(is, c);
      }
      fn = half(fn); sn = half(sn);
    }
    return sn === 0 && same(was, older.root) && same(is, newer.root);
  }

  // readKey reads a verifier key: NAME+ID+BASE64 of a byte 1 and 32 more.
  async function readKey(text) {
    const found = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text.trim());
    if (!found) throw new No("no-key", "signature");
    let key;
    try { key = bytes(found[3]); } catch { throw new No("no-key", "signature"); }
    const id = (await sha256(utf8.encode(found[1] + "\n"), key)).slice(0, 4);
    if (key.length !== 33 || key[0] !== 1 || hex(id) !== found[2]) throw new No("no-key", "signature");
    return { name: found[1], id, raw: key.slice(1), text: text.trim() };
  }

  const hex = (b) => [...b].map((x) => x.toString(16).padStart(2, "0")).join("");

  // readCheckpoint takes a signed checkpoint apart and believes none of it.
  function readCheckpoint(note) {
    const split = note.lastIndexOf("\n\n");
    const text = note.slice(0, split + 1), lines = text.split("\n");
    if (split < 0 || lines.length !== 4 || !/^(0|[1-9]\d{0,15})$/.test(lines[1]) || !/^[A-Za-z0-9+/]{43}=$/.test(lines[2])) throw new No("no-checkpoint", "signature");
    const signatures = [];
    for (const line of note.slice(split + 2).split("\n").slice(0, -1)) {
      const found = /^— (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line);
      if (!found) throw new No("no-checkpoint", "signature");
      const all = bytes(found[2]);
      signatures.push({ name: found[1], id: all.slice(0, 4), signature: all.slice(4) });
    }
    return { note, text, origin: lines[0], size: Number(lines[1]), root: bytes(lines[2]), signatures };
  }

  // signed checks the log's signature. A browser without Ed25519 cannot say.
  async function signed(head, key) {
    const ours = head.signatures.find((s) => s.name === key.name && same(s.id, key.id));
    if (head.origin !== key.name || !ours) throw new No("other-key", "signature");
    let verifier;
    try {
      verifier = await crypto.subtle.importKey("raw", key.raw, "Ed25519", false, ["verify"]);
    } catch {
      return false;
    }
    if (!await crypto.subtle.verify("Ed25519", verifier, ours.signature, utf8.encode(head.text))) throw new No("signature", "signature");
    return true;
  }

  // What this browser keeps: the key its reader pinned, and the heads it has
  // checked, newest first. All of it is public.
  const kept = (() => {
    const place = "countersign.ledger", most = 20;
    let all = { pinned: "", named: "", seen: [] };
    try {
      all = { ...all, ...JSON.parse(localStorage.getItem(place) || "{}") };
      all.seen.forEach((one) => readCheckpoint(one.note));
    } catch {
      all.seen = []; // as if nothing were kept
    }
    const save = () => { try { localStorage.setItem(place, JSON.stringify(all)); } catch { /* a browser that keeps nothing */ } };
    return {
      get pinned() { return all.pinned; },
      get named() { return all.named; },
      get seen() { return all.seen; },
      pin(text) { all.pinned = text; save(); },
      add(head, key) {
        if (all.seen.length && all.seen[0].note === head.note) return;
        all.named ||= key.text;
        all.seen = [{ note: head.note, at: new Date().toISOString() }, ...all.seen].slice(0, most);
        save();
      },
      forget() { all = { pinned: all.pinned, named: "", seen: [] }; save(); },
    };
  })();

  async function ask(path) {
    let answer;
    try { answer = await fetch("/api/v1/ledger" + path, { credentials: "same-origin", redirect: "error", cache: "no-store" }); } catch { throw new No("unreachable"); }
    if (!answer.ok) throw new No(answer.status === 401 ? "signed-out" : "unreachable");
    return answer.json();
  }

  // check is one box of a page that shows what was found.
  class Check {
    constructor(box) {
      this.box = box;
      this.key = kept.pinned || kept.named || box.dataset.key;
      for (const e of this.all("key-source")) e.hidden = e.dataset.keySource !== (kept.pinned ? "pinned" : "server");
      this.out("key", this.key);
    }
    all(name) { return this.box.querySelectorAll(`[data-${name}]`); }
    out(name, text) { for (const e of this.box.querySelectorAll(`[data-out="${name}"]`)) e.textContent = text; }
    word(name) { return this.box.querySelector(`[data-word="${name}"]`).textContent; }

    // step marks one step: ok, bad or skipped.
    step(name, state, word = state) {
      for (const e of this.box.querySelectorAll(`[data-step="${name}"]`)) this.mark(e, state, word);
    }
    mark(e, state, word = state) {
      e.dataset.state = state;
      e.querySelector("[data-mark]").textContent = this.word(word);
    }

    // say shows one sentence of the page and hides the others.
    say(name, state) {
      this.box.dataset.verdict = state;
      for (const e of this.all("say")) e.hidden = e.dataset.say !== name;
    }

    // head checks a signed head: by its signature, and by what this browser saw
    // before. What is right and newer is kept.
    async head(note) {
      const head = readCheckpoint(note), key = await readKey(this.key);
      this.out("size", head.size);
      this.out("root", base64(head.root));
      if (!kept.pinned && kept.named && kept.named !== this.box.dataset.key) throw new No("key-changed", "signature");
      const sure = await signed(head, key);
      this.step("signature", sure ? "ok" : "skipped");
      const first = !kept.seen.length; // so there is nothing that it could continue
      await this.continued(head);
      if (sure) kept.add(head, key);
      return { head, sure, first };
    }

    async continued(head) {
      const last = kept.seen[0];
      if (!last) { this.step("continues", "first"); return; }
      const older = readCheckpoint(last.note);
      this.out("last", older.size);
      if (older.origin !== head.origin) throw new No("other-log", "continues");
      if (older.size > head.size) throw new No("shrank", "continues");
      if (!await proved(older, head)) throw new No("forked", "continues");
      this.step("continues", "ok");
    }

    // run shows what comes of a check.
    async run(doing) {
      this.say("waiting", "unknown");
      if (!window.crypto || !crypto.subtle) { this.say("no-crypto", "unknown"); return; }
      try {
        const { sure, first } = await doing();
        const good = first && this.box.querySelector('[data-say="first"]') ? "first" : "good";
        this.say(sure ? good : "partly", sure ? "good" : "unknown");
      } catch (e) {
        if (!(e instanceof No)) e = new No("unreadable");
        if (e.step) this.step(e.step, "bad");
        this.say(e.say, ["unreachable", "signed-out", "no-key"].includes(e.say) ? "unknown" : "bad");
      }
      for (const e of this.box.querySelectorAll('[data-step][data-state="waiting"]')) this.mark(e, "skipped");
    }
  }

  async function proved(older, newer) {
    let path = [];
    if (older.size < newer.size) {
      const answer = await ask(`/consistency?from=${older.size}&to=${newer.size}`);
      path = answer.proof.map(bytes);
    }
    return continues(older, newer, path);
  }

  // entry checks the entry that the page shows.
  function entry(check) {
    const { box } = check, seq = Number(box.dataset.seq);
    const shown = document.querySelector("[data-leaf]").textContent;
    return check.run(async () => {
      const e = await ask("/entries/" + seq);
      const leaf = utf8.encode(e.leaf);
      let named;
      try { named = JSON.parse(e.leaf).seq; } catch { throw new No("not-this", "leaf"); }
      if (e.leaf !== shown || named !== seq) throw new No("not-this", "leaf");
      const hash = await leafHash(leaf);
      check.out("leaf", base64(hash));
      check.step("leaf", "ok", "done");
      const head = readCheckpoint(e.checkpoint);
      if (seq >= head.size) throw new No("path", "root");
      const root = await climb(seq, head.size, hash, e.proof.map(bytes), (s) => drawStep(check, s));
      check.out("computed", base64(root));
      if (!same(root, head.root)) throw new No("path", "root");
      check.step("root", "ok");
      return check.head(e.checkpoint);
    });
  }

  function drawStep(check, s) {
    const row = check.box.querySelector("template[data-row]").content.firstElementChild.cloneNode(true);
    const fill = (name, text) => { for (const e of row.querySelectorAll(`[data-out="${name}"]`)) e.textContent = text; };
    for (const e of row.querySelectorAll("[data-side]")) e.hidden = e.dataset.side !== (s.left ? "left" : "right");
    fill("from", s.from);
    fill("to", s.to);
    fill("low", s.low);
    fill("high", s.high);
    fill("neighbour", base64(s.neighbour));
    fill("hash", base64(s.hash));
    check.mark(row, "ok", "done");
    check.box.querySelector("[data-rows]").append(row);
  }

  const newest = (check) => check.run(async () => check.head((await ask("")).checkpoint));

  // seen lists what this browser has kept, and holds each against the newest.
  async function seen(check) {
    const rows = check.box.querySelector("[data-rows]");
    const earlier = kept.seen.slice();
    for (const b of check.all("forget")) {
      b.hidden = !earlier.length;
      b.addEventListener("click", () => { kept.forget(); location.reload(); });
    }
    await newest(check);
    if (check.box.dataset.verdict !== "good") return list(check, rows, earlier, null);
    return list(check, rows, kept.seen, readCheckpoint(kept.seen[0].note));
  }

  async function list(check, rows, all, newer) {
    check.box.querySelector("[data-none]").hidden = all.length > 0;
    check.box.querySelector("[data-some]").hidden = all.length === 0;
    for (const one of all) {
      const row = check.box.querySelector("template[data-row]").content.firstElementChild.cloneNode(true);
      const head = readCheckpoint(one.note);
      row.querySelector('[data-out="size"]').textContent = head.size;
      row.querySelector('[data-out="root"]').textContent = base64(head.root);
      const at = row.querySelector("time");
      at.dateTime = one.at;
      at.textContent = window.written(new Date(one.at));
      rows.append(row);
      check.mark(row, !newer ? "skipped" : await proved(head, newer).catch(() => false) ? "ok" : "bad");
    }
  }

  // hold checks a checkpoint that the reader brought along.
  function hold(check) {
    const form = check.box.querySelector("form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      check.run(async () => {
        const theirs = form.elements.checkpoint.value.trim() + "\n";
        const key = await readKey(check.key), older = readCheckpoint(theirs);
        const sure = await signed(older, key);
        const now = readCheckpoint((await ask("")).checkpoint);
        const both = await signed(now, key);
        check.out("theirs", older.size);
        check.out("size", now.size);
        if (older.size > now.size) throw new No("shrank");
        if (!await proved(older, now)) throw new No("forked");
        return { sure: sure && both };
      });
    });
  }

  // pin keeps the key that the reader got from somebody else than the server.
  function pin(check) {
    const form = check.box.querySelector("form"), again = () => location.reload();
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await check.run(async () => {
        kept.pin((await readKey(form.elements.key.value)).text);
        again();
        return { sure: true };
      });
    });
    for (const b of check.all("unpin")) {
      b.hidden = !kept.pinned;
      b.addEventListener("click", () => { kept.pin(""); again(); });
    }
  }

  const doing = { entry, newest, seen, hold, pin };
  for (const box of document.querySelectorAll("[data-check]")) doing[box.dataset.check](new Check(box));
})();
