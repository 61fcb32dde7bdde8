// Builds what comes from npm into internal/console/assets/dist, from where the
// program embeds it: bundled scripts, one sprite of the icons that pages use,
// and the typeface. Own styles and scripts need no build.
import { build } from "esbuild";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const from = createRequire(import.meta.url);
const out = join(here, "../internal/console/assets/dist");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const bundles = ["live", "editor"].map((name) => join(here, name + ".js")).filter((file) => existsSync(file));
await build({
  entryPoints: bundles, outdir: out, bundle: true, minify: true, format: "iife",
  target: ["chrome109", "firefox115", "safari16"], legalComments: "eof", logLevel: "warning",
});

const names = JSON.parse(readFileSync(join(here, "icons.json"), "utf8"));
const symbols = names.map((name) => {
  const svg = readFileSync(from.resolve(`lucide-static/icons/${name}.svg`), "utf8");
  const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s+/g, " ").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
});
writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);

for (const file of ["inter-latin-wght-normal.woff2", "inter-latin-ext-wght-normal.woff2"]) {
  cpSync(from.resolve(`@fontsource-variable/inter/files/${file}`), join(out, file));
}
