// The Python runner's modules, embedded in the executable, in the order in which they are joined: each after those whose names it needs
// at once.

import { joinPython } from "../join.ts";
import changes from "./changes.py" with { type: "text" };
import control from "./control.py" with { type: "text" };
import coroutines from "./coroutines.py" with { type: "text" };
import descriptors from "./descriptors.py" with { type: "text" };
import capturing from "./dialect/capturing.py" with { type: "text" };
import cells from "./dialect/cells.py" with { type: "text" };
import commands from "./dialect/commands.py" with { type: "text" };
import describing from "./dialect/describing.py" with { type: "text" };
import expansion from "./dialect/expansion.py" with { type: "text" };
import hints from "./dialect/hints.py" with { type: "text" };
import lines from "./dialect/lines.py" with { type: "text" };
import magics from "./dialect/magics.py" with { type: "text" };
import modules from "./dialect/modules.py" with { type: "text" };
import dialectNotebook from "./dialect/notebook.py" with { type: "text" };
import timing from "./dialect/timing.py" with { type: "text" };
import translation from "./dialect/translation.py" with { type: "text" };
import charts from "./displays/charts.py" with { type: "text" };
import displays from "./displays/displays.py" with { type: "text" };
import drawing from "./displays/drawing.py" with { type: "text" };
import figures from "./displays/figures.py" with { type: "text" };
import fitting from "./displays/fitting.py" with { type: "text" };
import forms from "./displays/forms.py" with { type: "text" };
import images from "./displays/images.py" with { type: "text" };
import imports from "./displays/imports.py" with { type: "text" };
import limits from "./displays/limits.py" with { type: "text" };
import notebook from "./displays/notebook.py" with { type: "text" };
import pictures from "./displays/pictures.py" with { type: "text" };
import saving from "./displays/saving.py" with { type: "text" };
import tables from "./displays/tables.py" with { type: "text" };
import telling from "./displays/telling.py" with { type: "text" };
import warned from "./displays/warned.py" with { type: "text" };
import errors from "./errors.py" with { type: "text" };
import interrupts from "./interrupts.py" with { type: "text" };
import mailbox from "./mailbox.py" with { type: "text" };
import main from "./main.py" with { type: "text" };
import packages from "./packages.py" with { type: "text" };
import protocol from "./protocol.py" with { type: "text" };
import reading from "./reading.py" with { type: "text" };
import references from "./references.py" with { type: "text" };
import runner from "./runner.py" with { type: "text" };
import showing from "./showing.py" with { type: "text" };
import sources from "./sources.py" with { type: "text" };
import stdin from "./stdin.py" with { type: "text" };
import streams from "./streams.py" with { type: "text" };
import values from "./values.py" with { type: "text" };

/** One file of two programs: what shows values beside the output is a text in the other, and so is what reads notebooks; both are compiled when they are asked for. */
export function pythonProgram(): string {
  const ground = [references, descriptors, packages, mailbox, protocol];
  const parts = [changes, reading, sources, stdin, streams, showing, values, errors, coroutines, interrupts, control];
  // A string of JSON is one of Python, too.
  return joinPython([...ground, ...parts, runner, main])
    .replace('"displays.py"', () => JSON.stringify(displayProgram()))
    .replace('"dialect.py"', () => JSON.stringify(dialectProgram()));
}

function dialectProgram(): string {
  const acts = [commands, describing, timing, capturing, cells, magics];
  return joinPython([modules, lines, expansion, hints, ...acts, translation, dialectNotebook]);
}

function displayProgram(): string {
  const ground = [limits, saving, pictures, tables, forms, images, fitting];
  return joinPython([...ground, telling, warned, drawing, figures, charts, notebook, imports, displays]);
}
