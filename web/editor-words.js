// What can be written at a place of a policy: keys and words by the language's
// schema, and within conditions what conditions can read.
import { snippetCompletion } from "@codemirror/autocomplete";

let language = null;
async function load() {
  if (!language) {
    language = fetch("/api/v1/policy/language", { credentials: "same-origin", redirect: "error" })
      .then((r) => (r.ok ? r.json() : Promise.reject(new Error(String(r.status)))))
      .catch(() => { language = null; return null; });
  }
  return language;
}

const conditions = ["when", "reach", "always", "never", "possible"];
const loops = [
  ["exists", "exists(${x}, ${x})"], ["all", "all(${x}, ${x})"], ["filter", "filter(${x}, ${x})"],
];
const functions = [["has", "has(${})"], ["size", "size(${})"], ["duration", 'duration("${24h}")'], ["timestamp", 'timestamp("${2026-01-01T00:00:00Z}")']];

// strip leaves a line without its comment.
const strip = (line) => line.replace(/(^|\s)#.*$/, "$1");

// place says where in the structure the cursor is: the keys above it, and, in
// a value, the key that it belongs to.
export function place(lines, at, column) {
  const line = lines[at].slice(0, column);
  const path = [];
  let rest = line, indent = /^ */.exec(line)[0].length;
  for (let dash; (dash = /^( *)- +/.exec(rest)); ) {
    rest = " ".repeat(dash[0].length) + rest.slice(dash[0].length);
    indent = dash[0].length;
  }
  const inList = /^ *- /.test(line);
  for (let i = at - 1, limit = inList ? /^ */.exec(line)[0].length + 1 : indent; i >= 0 && limit > 0; i--) {
    const above = strip(lines[i]);
    if (!above.trim()) continue;
    const own = /^ */.exec(above)[0].length;
    const keyAt = /^( *(?:- +)*)/.exec(above)[0].length;
    const key = /^ *(?:- +)*([\w-]+):/.exec(above);
    if (key && keyAt < limit) {
      path.unshift(key[1]);
      limit = keyAt;
    }
    if (own < limit && /^ *- /.test(above)) limit = Math.min(limit, own + 1);
  }
  const here = rest.slice(indent);
  const flow = inFlow(here);
  const key = /^([\w-]+):\s*(.*)$/.exec(here);
  if (key && flow.keys.length === 0) return { path, key: key[1], value: key[2] };
  if (flow.keys.length > 0) return { path: [...path, ...flow.keys], key: flow.key, value: flow.value };
  return { path, key: null, value: here, item: inList };
}

// inFlow reads what is open of {a: {b: c, d: on a line.
function inFlow(text) {
  const keys = [];
  let key = null, from = 0, quote = "", last = null;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quote) {
      if (c === quote) quote = "";
    } else if (c === '"' || c === "'") {
      quote = c;
    } else if (c === ":" && /[\s]|$/.test(text[i + 1] ?? "")) {
      last = text.slice(from, i).trim().replace(/^.*[\s{[,]/, "");
      key = last;
      from = i + 1;
    } else if (c === "{" || c === "[") {
      keys.push({ name: key ?? "", brace: c });
      key = null;
      from = i + 1;
    } else if ((c === "}" || c === "]") && keys.length) {
      keys.pop();
      key = null;
      from = i + 1;
    } else if (c === "," && keys.length) {
      key = null;
      from = i + 1;
    }
  }
  return { keys: keys.map((k) => k.name).filter(Boolean), key, value: text.slice(from).trimStart() };
}

const follow = (schema, node) => {
  for (let i = 0; node && node.$ref && i < 8; i++) node = { ...schema.$defs[node.$ref.replace("#/$defs/", "")], ...(node.description ? { description: node.description } : {}) };
  return node;
};

// at walks the schema along keys; lists are looked through.
function at(schema, path) {
  let node = schema;
  for (const key of path) {
    node = follow(schema, node);
    while (node && node.items) node = follow(schema, node.items);
    node = node && node.properties && node.properties[key];
    if (!node) return null;
  }
  node = follow(schema, node);
  while (node && node.items) node = follow(schema, node.items);
  return node;
}

function valuesOf(schema, node) {
  node = follow(schema, node);
  if (!node) return [];
  if (node.enum) return node.enum;
  if (node.anyOf) return node.anyOf.flatMap((n) => valuesOf(schema, n));
  if (node.type === "boolean") return ["true", "false"];
  return [];
}

function inCondition(l, before, lines) {
  const dotted = /([a-z]+)\.([a-z_]*)$/.exec(before);
  const quoted = /([a-z_.]+)\s*(?:==|!=|in)\s*\[?(?:"[^"]*",\s*)*"([^"]*)$/.exec(before);
  if (quoted) {
    const fact = l.facts.find((f) => f.name === quoted[1]);
    return fact && fact.words ? { from: -quoted[2].length, options: fact.words.map((w) => ({ label: w, type: "text" })) } : null;
  }
  if (dotted) {
    const of = l.facts.filter((f) => f.name.startsWith(dotted[1] + "."));
    const options = of.map((f) => ({ label: f.name.slice(dotted[1].length + 1), detail: f.type + (f.optional ? ", may be absent" : ""), info: f.from }));
    const lists = l.facts.some((f) => f.name.endsWith(dotted[1]) && f.type.startsWith("list"));
    if (lists || of.some((f) => f.type.startsWith("list"))) options.push(...loops.map(([label, apply]) => snippetCompletion(apply, { label, type: "function" })));
    return options.length ? { from: -dotted[2].length, options } : null;
  }
  const word = /[a-z_]*$/.exec(before)[0];
  const names = [];
  for (const line of lines) {
    const named = /^ {2}([a-z_]+):/.exec(line);
    if (named) names.push(named[1]);
  }
  const roots = [...new Set(l.facts.map((f) => f.name.split(".")[0]))];
  return {
    from: -word.length,
    options: [
      ...l.facts.map((f) => ({ label: f.name, detail: f.type + (f.optional ? ", may be absent" : ""), info: f.from, type: "variable" })),
      ...roots.filter((r) => !l.facts.some((f) => f.name === r)).map((r) => ({ label: r, type: "namespace" })),
      ...functions.map(([label, apply]) => snippetCompletion(apply, { label, type: "function" })),
      ...[...new Set(names)].map((n) => ({ label: n, type: "constant" })),
    ],
  };
}

// completer is a source of completions for the editor.
export function completer() {
  return async (context) => {
    const l = await load();
    if (!l) return null;
    const line = context.state.doc.lineAt(context.pos);
    const lines = context.state.doc.toString().split("\n");
    const p = place(lines, line.number - 1, context.pos - line.from);
    const before = p.value;
    const word = /[\w-]*$/.exec(before)[0];
    let found = null;
    if (conditions.includes(p.key) || p.path[0] === "conditions" && p.key) {
      if (!context.explicit && !/[\w.]$/.test(before) && !/"$/.test(before)) return null;
      found = inCondition(l, before, lines);
    } else if (p.key !== null) {
      const node = at(l.schema, [...p.path, p.key]);
      let words = node ? valuesOf(l.schema, node) : [];
      if (p.key === "proofs") words = methods(l.schema);
      found = words.length ? { from: -word.length, options: words.map((w) => ({ label: String(w), type: "enum" })) } : null;
      if (found && !context.explicit && !word) return null;
    } else {
      const node = at(l.schema, p.path);
      if (!node) return null;
      if (!context.explicit && !word) return null;
      const options = node.properties
        ? Object.entries(node.properties).map(([k, v]) => ({ label: k, apply: k + ": ", type: "property", info: follow(l.schema, v).description }))
        : valuesOf(l.schema, node).map((w) => ({ label: String(w), type: "enum" }));
      found = options.length ? { from: -word.length, options } : null;
    }
    return found && { from: context.pos + found.from, options: found.options, validFor: /^[\w-]*$/ };
  };
}

// methods are named in the description of proofs, which a test holds to them.
function methods(schema) {
  const text = schema.$defs.demand.properties.proofs.description;
  return (/parentheses: ([a-z_, ]+)\./.exec(text)?.[1] ?? "").split(", ").filter(Boolean);
}
