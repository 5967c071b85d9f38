// The eraser of types that the host brings where this Node's own is missing or does not do enough: swc's, which Node's own is, too. It is asked for
// when it is first needed, once an interpreter.

const { encode, send } = require("./protocol.cjs");
const { TextDecoder, TextEncoder, bufferFrom } = require("./references.cjs");
const { state } = require("./state.cjs");

// As Node calls it.
const OPTIONS = {
  deprecatedTsModuleAsError: true,
  transform: {
    verbatimModuleSyntax: true,
    nativeClassProperties: true,
    noEmptyExport: true,
    importNotUsedAsValues: "preserve",
  },
};

/** `erase` makes JavaScript of a source, in the mode "strip-only" or "transform"; null where there is none, or none yet. */
const eraser = { erase: null, isAsked: false, whenHere: null };

/** Calls `next` when it is here, or will never be. Meanwhile the control thread's messages keep the event loop going. */
function askForEraser(run, next) {
  eraser.isAsked = true;
  eraser.whenHere = () => {
    if (state.current !== run) return;
    state.control.unref();
    next();
  };
  state.control.ref();
  send(encode({ id: run.id, needs: "typescript" }));
}

/** `text` is the eraser as a module of Node's older kind; null where the host has none. */
function takeEraser(text) {
  const next = eraser.whenHere;
  eraser.whenHere = null;
  try {
    if (text !== null) eraser.erase = loadEraser(text);
  } catch {
    // No WebAssembly here, or no memory for it: as if there were none.
  }
  next?.();
}

function loadEraser(text) {
  const module = { exports: {} };
  const modules = { util: { TextDecoder, TextEncoder }, "node:buffer": { Buffer: { from: bufferFrom } } };
  new Function("module", "require", text)(module, (name) => modules[name]);
  const { transformSync } = module.exports;
  return (source, mode) => transformSync(source, { ...OPTIONS, mode }).code;
}

module.exports = { askForEraser, eraser, takeEraser };
