// The Node runner's modules, embedded in the executable, in the order in which they are joined: each after those whose names it needs
// at once.

import { joinCommonJs } from "../join.ts";
import beside from "./beside.cjs" with { type: "text" };
import cells from "./cells.cjs" with { type: "text" };
import control from "./control.cjs" with { type: "text" };
import declarations from "./declarations.cjs" with { type: "text" };
import bytes from "./displays/bytes.cjs" with { type: "text" };
import displays from "./displays/displays.cjs" with { type: "text" };
import fitting from "./displays/fitting.cjs" with { type: "text" };
import forms from "./displays/forms.cjs" with { type: "text" };
import limits from "./displays/limits.cjs" with { type: "text" };
import saving from "./displays/saving.cjs" with { type: "text" };
import shrinking from "./displays/shrinking.cjs" with { type: "text" };
import ending from "./ending.cjs" with { type: "text" };
import eraser from "./eraser.cjs" with { type: "text" };
import errors from "./errors.cjs" with { type: "text" };
import evaluation from "./evaluation.cjs" with { type: "text" };
import importer from "./importer.cjs" with { type: "text" };
import imports from "./imports.cjs" with { type: "text" };
import input from "./input.cjs" with { type: "text" };
import inspector from "./inspector.cjs" with { type: "text" };
import looking from "./looking.cjs" with { type: "text" };
import changes from "./looks/changes.cjs" with { type: "text" };
import entries from "./looks/entries.cjs" with { type: "text" };
import main from "./main.cjs" with { type: "text" };
import names from "./names.cjs" with { type: "text" };
import output from "./output.cjs" with { type: "text" };
import protocol from "./protocol.cjs" with { type: "text" };
import references from "./references.cjs" with { type: "text" };
import resources from "./resources.cjs" with { type: "text" };
import showing from "./showing.cjs" with { type: "text" };
import start from "./start.cjs" with { type: "text" };
import state from "./state.cjs" with { type: "text" };
import stdin from "./stdin.cjs" with { type: "text" };
import streams from "./streams.cjs" with { type: "text" };
import timers from "./timers.cjs" with { type: "text" };
import tokens from "./tokens.cjs" with { type: "text" };
import typescript from "./typescript.cjs" with { type: "text" };
import values from "./values.cjs" with { type: "text" };
import waiting from "./waiting.cjs" with { type: "text" };

/**
 * One file of four programs: what runs in a realm of its own is a text in the first, which makes a function of it there, and what shows values
 * beside the output is one in that. What looks for changed files is a text that both threads have.
 */
export function nodeProgram(): string {
  const ground = [references, output, protocol, state, cells];
  const sources = [tokens, imports, declarations, importer, eraser, typescript];
  const parts = [looking, streams, stdin, errors, inspector, resources, timers];
  const run = [ending, showing, values, names, waiting, evaluation];
  const shown = program([limits, bytes, saving, shrinking, forms, fitting, displays], "display, showLast");
  const looks = program([entries, changes], "heard, look");
  const realm = joinCommonJs([...ground, ...sources, ...parts, ...run, main])
    .replace('"taken"', () => `({ ${shown.taken} })`)
    .replace('"taken by looks"', () => `({ ${looks.taken} })`)
    .replace('"displays.cjs"', () => JSON.stringify(shown.text));
  return joinCommonJs([input, beside, control, start])
    .replace('"looks.cjs"', () => JSON.stringify(looks.text))
    .replace('"main.cjs"', () => JSON.stringify(`(function (node) {${realm}})`));
}

/** A function that gives `given`. `taken`: the names that it takes of the realm's. */
function program(modules: readonly string[], given: string): { readonly text: string; readonly taken: string } {
  const taken = modules
    .flatMap((module) => [...module.matchAll(/^const \{([^}]*)\} = require\("\.\.\/[^"]*"\);$/gm)])
    .flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()))
    .filter((name) => name !== "");
  const names = [...new Set(taken)].toSorted().join(", ");
  const joined = joinCommonJs([`const { ${names} } = taken;\n`, ...modules]);
  return { text: `(function (taken) {${joined}\nreturn { ${given} };})`, taken: names };
}
