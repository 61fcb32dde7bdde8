// Keeps a page fresh. The server says that something changed; the page asks
// for itself again, with the rights it has then, and takes over what differs.
// It shows only what is committed, and says so when it cannot know any more.
import { Idiomorph } from "idiomorph";

const main = document.getElementById("main");
// What answers a form is looked at again where it can be, which is elsewhere.
const look = new URL(main.dataset.look || location.href, location.href);
const line = document.getElementById("line");
const since = () => window.written(seen); // of console.js, as all times on the page
let seen = new Date(), asking = false, again = false;

function say(kind) {
  if (!line) return;
  line.hidden = !kind;
  document.documentElement.classList.toggle("stale", Boolean(kind));
  if (kind) line.textContent = line.dataset[kind].replace("%s", since());
}

// A document that the browser parses itself: markup is never made from text
// here, so Trusted Types have nothing to allow.
function fetchPage() {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open("GET", look);
    x.responseType = "document";
    x.setRequestHeader("Countersign-Unattended", "1");
    x.onload = () => resolve(x);
    x.onerror = reject;
    x.send();
  });
}

// What the reader has opened, chosen or typed is theirs.
const theirs = {
  beforeAttributeUpdated: (name, node) => !(name === "open" && node.localName === "details"),
  beforeNodeMorphed: (old, fresh) => !(old.nodeType === 1 && (old.isEqualNode(fresh) || old.hasAttribute("data-still"))),
};

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const x = await fetchPage();
    const fresh = x.response;
    const same = x.status === 200 && fresh && new URL(x.responseURL).pathname === look.pathname;
    if (!same || fresh.getElementById("main").dataset.stream !== main.dataset.stream) {
      say("ended");
      return;
    }
    seen = new Date();
    say("");
    for (const old of main.querySelectorAll("[data-live][id]")) {
      const now = fresh.getElementById(old.id);
      if (!now) continue;
      Idiomorph.morph(old, now, { morphStyle: "outerHTML", ignoreActiveValue: true, restoreFocus: true, callbacks: theirs });
    }
    document.dispatchEvent(new CustomEvent("fresh"));
  } catch {
    say("lost");
  } finally {
    asking = false;
    if (again) { again = false; refresh(); }
  }
}

if (main.dataset.stream) {
  const stream = new EventSource(main.dataset.stream);
  // What happened before the stream stood, or while it was down, was not told.
  stream.addEventListener("ready", refresh);
  stream.addEventListener("changed", refresh);
  stream.addEventListener("ended", () => { stream.close(); say("ended"); });
  stream.addEventListener("error", () => say(stream.readyState === EventSource.CLOSED ? "ended" : "lost"));
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
}

// Pages whose news are no events look again every so often, while they are in
// sight.
const every = Number(main.querySelector("[data-every]")?.dataset.every);
if (every) setInterval(() => { if (!document.hidden) refresh(); }, Math.max(every, 10) * 1000);
