// What a run shows beside its output, as far as every run needs it. All else is a text (displays/) that is compiled when a value or a call of
// display() first asks for it: neither the start of an interpreter nor a run without displays waits for it.

const { Script, given, isProxy, node, runInContext, world } = require("./references.cjs");

// program.ts puts the text of displays/ in the place of this one, and what that takes of the names here in the place of the next.
const DISPLAYS = "displays.cjs";
const taken = () => "taken";

const parts = { displays: null };

/** The methods by which values say how they are shown, as IPython has them: under these names, or as symbols of these names. */
const FORMS = [
  ["_repr_png_", "image/png"],
  ["_repr_jpeg_", "image/jpeg"],
  ["_repr_svg_", "image/svg+xml"],
  ["_repr_html_", "text/html"],
  ["_repr_markdown_", "text/markdown"],
  ["_repr_latex_", "text/latex"],
  ["_repr_json_", "application/json"],
];
const BUNDLE = "_repr_mimebundle_";
const NAMES = [BUNDLE, ...FORMS.map(([name]) => name)].flatMap((name) => [name, Symbol.for(name)]);

function provideDisplay() {
  const display = given(function display(value, mediaType) {
    return load().display(value, mediaType);
  });
  Object.defineProperty(world, "display", { configurable: true, enumerable: false, writable: true, value: display });
}

function load() {
  if (parts.displays === null) {
    const script = new Script(DISPLAYS, { filename: node.file });
    parts.displays = Reflect.apply(runInContext, script, [node.context])(taken());
  }
  return parts.displays;
}

/** Whether a last value may be shown in another form than its text. Calls nothing of the user's. */
function hasForms(value) {
  if (typeof value !== "object" || value === null || isProxy(value)) return false;
  for (const name of NAMES) if (name in value) return true;
  return isCanvas(value);
}

function isCanvas(value) {
  return "toBuffer" in value && "getContext" in value;
}

function showLast(value) {
  load().showLast(value);
}

module.exports = { BUNDLE, FORMS, hasForms, isCanvas, provideDisplay, showLast };
