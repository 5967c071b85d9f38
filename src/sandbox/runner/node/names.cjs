// Names that the prompt has and a module has not.

const { importer } = require("./importer.cjs");
const { createRequire, cwd, given, join, moduleModule, world } = require("./references.cjs");
const { provideDisplay } = require("./showing.cjs");
const { last } = require("./values.cjs");

function provideNames() {
  const module = new moduleModule("<repl>");
  module.paths = moduleModule._nodeModulePaths(cwd());
  const require = requireFromHere(module);
  define("require", { value: require, writable: true });
  define("module", { value: module, writable: true });
  define("exports", { value: module.exports, writable: true });
  define("__dirname", { get: () => cwd(), set: (value) => define("__dirname", { value, writable: true }) });
  define("__filename", {
    get: () => join(cwd(), "<repl>"),
    set: (value) => define("__filename", { value, writable: true }),
  });
  define("__import__", { value: importer(), writable: true });
  define("_", {
    get: () => last.value,
    set: (value) => {
      last.isTaken = true;
      define("_", { value, writable: true });
    },
  });
  provideDisplay();
  for (const name of moduleModule.builtinModules) {
    if (/^_|\//.test(name) || name in world) continue;
    define(name, { get: () => require(name), set: (value) => define(name, { value, writable: true }) });
  }
  function define(name, property) {
    Object.defineProperty(world, name, { configurable: true, enumerable: false, ...property });
  }
}

/** `require` as of a file in the working directory, whichever that is when it is called. */
function requireFromHere(main) {
  let from = null;
  let requireFrom;
  const present = () => {
    const directory = cwd();
    if (directory !== from) {
      requireFrom = createRequire(join(directory, "<repl>"));
      from = directory;
    }
    return requireFrom;
  };
  const { cache, extensions } = present();
  const require = given(function require(id) {
    return present()(id);
  });
  const resolve = given((request, options) => present().resolve(request, options));
  resolve.paths = given((request) => present().resolve.paths(request));
  // `if (require.main === module)` runs.
  return Object.assign(require, { resolve, main, extensions, cache });
}

module.exports = { provideNames };
