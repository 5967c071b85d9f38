// Guest programs are written as modules and placed in a guest as one text: the modules in their order, in one namespace, without what they
// take from each other. So no two of a program's modules may give the same name to different things (test/sandbox/runner/join.test.ts).

/** `from .streams import flush_streams`, in one line or in brackets; two dots where it is a module of the folder above. */
const pythonSibling = /^from \.{1,2}\w+ import (?:\([^)]*\)|.*)\n/gm;
/** `const { send } = require("./protocol.cjs");` and `module.exports = { send };`, likewise. */
const commonJsSibling = /^const \{[^}]*\} = require\("\.{1,2}\/[^"]*"\);\n|^module\.exports = \{[^}]*\};\n/gm;

/** The text of a Python program, of modules that take from each other by names only. */
export function joinPython(modules: readonly string[]): string {
  return modules.map((module) => module.replace(pythonSibling, "")).join("\n");
}

/** The same for Node; its text may stand in a file or in a function. */
export function joinCommonJs(modules: readonly string[]): string {
  return `"use strict";\n${modules.map((module) => module.replace(commonJsSibling, "")).join("\n")}`;
}
