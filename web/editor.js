// The editor of policies. It stands in a shadow root, because the site's
// content security policy refuses <style> elements: in a shadow root the
// editor's styles are adopted instead. The text area beneath stays the form's
// field, and whoever has no script, or switches the editor off, types there.
import { autocompletion, completionKeymap, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentService, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin, drawSelection, dropCursor, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { completer } from "./editor-words.js";

const mono = "var(--mono)";
const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--card)", fontSize: ".9rem", border: "1px solid var(--edge)", borderRadius: "9px", overflow: "hidden" },
  "&.cm-focused": { outline: "3px solid var(--focus)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: mono, lineHeight: "1.6", maxHeight: "70vh" },
  ".cm-content": { caretColor: "var(--ink)", padding: ".6rem 0", minHeight: "20rem" },
  ".cm-gutter": { minHeight: "20rem" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--quiet)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent-soft) 40%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--focus) 28%, transparent)" },
  ".cm-selectionMatch": { backgroundColor: "var(--warn-soft)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunk)", border: "1px solid var(--line)", color: "var(--quiet)" },
  // The library's own squiggles are pictures from data: addresses, which the
  // site's policy refuses.
  ".cm-lintRange-error, .cm-lintRange-warning, .cm-lintRange-info": { backgroundImage: "none", textDecoration: "underline wavy var(--bad) 1px", textUnderlineOffset: ".2em", textDecorationSkipInk: "none" },
  ".cm-lintRange-warning": { textDecorationColor: "var(--warn)" },
  ".cm-lintRange-info": { textDecoration: "underline dotted var(--info) 1px" },
  ".cm-lintRange-active": { backgroundColor: "var(--warn-soft)" },
  ".cm-tooltip": { backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--edge)", borderRadius: "8px", boxShadow: "var(--shade)", maxWidth: "34rem", overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: mono, fontSize: ".86rem", maxHeight: "16rem" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-tooltip-autocomplete ul li": { padding: ".3rem .6rem", lineHeight: "1.4" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: ".8", marginLeft: ".8em" },
  ".cm-completionInfo": { padding: ".5rem .7rem", fontFamily: "var(--sans)", fontSize: ".86rem", maxWidth: "20rem" },
  ".cm-diagnostic": { padding: ".4rem .7rem", fontFamily: "var(--sans)", fontSize: ".88rem", whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-diagnostic-info": { borderLeftColor: "var(--info)" },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)", fontFamily: "var(--sans)" },
  ".cm-panel input, .cm-panel button": { fontSize: ".86rem", backgroundImage: "none", backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--edge)", borderRadius: "6px" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn)" },
  ".cm-specialChar": { color: "var(--bad)", backgroundColor: "var(--bad-soft)", outline: "1px solid var(--bad)" },
  ".cm-highlightTab": { backgroundImage: "none" },
  ".cm-fact": { color: "var(--accent)" },
  ".cm-word": { fontWeight: "600" },
});

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--info)" },
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.keyword, tags.bool, tags.null, tags.number], color: "var(--warn)" },
  { tag: [tags.separator, tags.squareBracket, tags.brace, tags.punctuation], color: "var(--quiet)" },
]);

// What conditions read stands out, wherever it is written.
const facts = new MatchDecorator({
  regexp: /\b(?:subject|request|requester|agent|location|device|emergency|delegation|plan)\.[a-z_]+|\b(?:has|exists|all|filter|size|duration|timestamp)(?=\()/g,
  decoration: (m) => Decoration.mark({ class: m[0].includes(".") ? "cm-fact" : "cm-word" }),
});
const factMarks = ViewPlugin.fromClass(class {
  constructor(view) { this.marks = facts.createDeco(view); }
  update(u) { this.marks = facts.updateDeco(u, this.marks); }
}, { decorations: (p) => p.marks });

// Characters that turn the reading direction around, or that cannot be seen,
// are shown by their number.
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc]/gu;

// A new line stands where the one before it began, and deeper when that one
// ends with a colon.
const indent = indentService.of((context, pos) => {
  if (context.options.simulateBreak === undefined) return undefined;
  const { text } = context.lineAt(pos, -1);
  const lead = /^ *(?:- +)*/.exec(text)[0].length;
  return /:\s*(?:#.*)?$/.test(text) ? lead + 2 : lead;
});

// offset is where a finding stands: lines and columns count characters.
function offset(doc, line, column) {
  if (line < 1) return 0;
  const l = doc.line(Math.min(line, doc.lines));
  const before = [...l.text].slice(0, Math.max(0, column - 1)).join("");
  return l.from + Math.min(before.length, l.length);
}

function range(doc, finding) {
  const from = offset(doc, finding.line, finding.column);
  const l = doc.lineAt(from);
  const word = /^(?:[\w.$-]+|"(?:[^"\\]|\\.)*"|'[^']*'|\S)/.exec(l.text.slice(from - l.from));
  return { from, to: Math.min(l.to, from + (word ? word[0].length : 1)) };
}

function start(form) {
  const area = form.querySelector("textarea[data-policy]");
  const words = form.dataset;
  const box = document.createElement("div");
  box.className = "editor";
  area.after(box);
  const root = box.attachShadow({ mode: "open" });
  const status = document.getElementById("check-state"), list = document.getElementById("problems");

  const view = new EditorView({
    root, parent: root,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        lineNumbers(), foldGutter(), highlightSpecialChars({ specialChars: unseen }), history(), drawSelection(), dropCursor(),
        EditorState.allowMultipleSelections.of(true), indent, indentOnInput(), indentUnit.of("  "), bracketMatching(), closeBrackets(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), factMarks,
        syntaxHighlighting(colours), yaml(), autocompletion({ override: [completer()], icons: false }),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
        look, EditorState.tabSize.of(2),
        EditorView.contentAttributes.of({ "aria-label": words.label, tabindex: "0", spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
        EditorView.updateListener.of((u) => { if (u.docChanged) changed(); }),
      ],
    }),
  });
  form.classList.add("edited");

  // The text is kept in this tab, so that neither a reload nor an ended session
  // loses it. It holds no secret: a policy is shown to all with oversight.
  const draft = "policy-draft";
  const save = () => {
    area.value = view.state.doc.toString();
    try { sessionStorage.setItem(draft, JSON.stringify({ base: form.elements.base.value, text: area.value, from: area.defaultValue })); } catch { /* full, or forbidden: the form still has it */ }
  };
  const replace = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });

  let timer = 0, asked = null;
  function changed() {
    save();
    clearTimeout(timer);
    timer = setTimeout(check, 500);
  }

  const say = (text, kind) => { status.textContent = text; status.dataset.kind = kind || ""; };

  async function check() {
    if (asked) asked.abort();
    const mine = asked = new AbortController();
    const doc = view.state.doc;
    say(words.checking);
    let answer, found;
    try {
      answer = await fetch("/api/v1/policy/check", {
        method: "POST", credentials: "same-origin", redirect: "error", signal: mine.signal,
        headers: { "Content-Type": "application/json" }, body: JSON.stringify({ policy_text: doc.toString() }),
      });
      found = await answer.json();
    } catch (e) {
      if (e.name !== "AbortError") say(words.lost, "bad");
      return;
    }
    if (mine !== asked || view.state.doc !== doc) return; // typed on meanwhile
    if (answer.status === 503) {
      timer = setTimeout(check, 1500);
      return;
    }
    if (answer.status === 401) return say(words.ended, "bad");
    if (!answer.ok) return say(found.detail || words.lost, "bad");
    show(found, doc);
  }

  const severities = { error: "error", warning: "warning", note: "info" };
  function show(found, doc) {
    const standing = found.findings.filter((f) => !f.accepted);
    view.dispatch(setDiagnostics(view.state, standing.filter((f) => f.line > 0).map((f) => ({
      ...range(doc, f), severity: severities[f.severity], source: f.code, message: f.message + (f.way_out ? "\n" + f.way_out : ""),
    }))));
    const rank = ["error", "warning", "note"];
    standing.sort((a, b) => rank.indexOf(a.severity) - rank.indexOf(b.severity));
    list.replaceChildren(...standing.map((f) => entry(f, doc)));
    const n = (k) => standing.filter((f) => f.severity === k).length;
    const counts = words.counts.replace("{e}", n("error")).replace("{w}", n("warning")).replace("{n}", n("note"));
    say((found.loads ? words.loads : words.fails) + " " + counts, found.loads ? "good" : "bad");
    document.getElementById("stale").hidden = found.in_force === form.elements.base.value;
  }

  function entry(f, doc) {
    const li = document.createElement("li"), go = document.createElement("button"), kind = document.createElement("b"), text = document.createElement("bdi");
    li.className = f.severity;
    go.type = "button";
    go.className = "quiet";
    kind.textContent = words[f.severity];
    text.textContent = (f.at && !f.path ? f.at + ": " : "") + f.message;
    const place = document.createElement("span");
    place.className = "meta";
    place.textContent = f.line ? words.place.replace("{l}", f.line).replace("{c}", f.column) : words.whole;
    go.append(kind, " ", text);
    go.addEventListener("click", () => {
      const r = range(doc, f);
      view.dispatch({ selection: { anchor: Math.min(r.from, view.state.doc.length) }, effects: EditorView.scrollIntoView(Math.min(r.from, view.state.doc.length), { y: "center" }) });
      view.focus();
    });
    li.append(go, place);
    if (f.way_out) {
      const way = document.createElement("p");
      way.textContent = f.way_out;
      li.append(way);
    }
    return li;
  }

  // What was being written before a reload, or before signing in again.
  const kept = (() => { try { return JSON.parse(sessionStorage.getItem(draft)); } catch { return null; } })();
  const offer = document.getElementById("kept");
  if (kept && typeof kept.text === "string" && kept.text !== area.value) {
    if (area.value === area.defaultValue && form.dataset.fresh === "yes") {
      const was = area.value, base = form.elements.base.value;
      form.elements.base.value = kept.base;
      replace(kept.text);
      offer.hidden = false;
      offer.querySelector("button").addEventListener("click", () => {
        form.elements.base.value = base;
        replace(was);
        sessionStorage.removeItem(draft);
        offer.hidden = true;
        view.focus();
      });
    }
  }
  form.addEventListener("submit", save);
  const plain = document.getElementById("plain");
  plain.hidden = false;
  plain.addEventListener("click", () => {
    const off = form.classList.toggle("edited");
    plain.setAttribute("aria-pressed", String(!off));
    if (off) replace(area.value); else save();
    (off ? view : area).focus();
  });
  area.addEventListener("input", () => { replace(area.value); });
  check();
}

const form = document.querySelector("form[data-editor]");
if (form) start(form);
