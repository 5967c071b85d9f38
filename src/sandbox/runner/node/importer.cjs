// `import()` of the user's.

const { rewriteImports } = require("./imports.cjs");
const {
  Script,
  UsersPromise,
  UsersSyntaxError,
  createRequire,
  cwd,
  given,
  isAbsolute,
  join,
  node,
  process,
  vm,
} = require("./references.cjs");

/**
 * `import()` as of a file in the working directory.
 * `names`, for rewritten import statements, are what the module has to export.
 */
function importer() {
  const useLoader = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const __import__ = given(function __import__(specifier, options, names = []) {
    return new UsersPromise((resolve, reject) => {
      importWith(specifier, options, names).then(resolve, reject);
    });
  });
  // For code that is made of text: V8 asks Node for its imports, and Node knows nothing of where they come from.
  const text = (code) => (typeof code === "string" ? rewriteImports(code, { isModule: false }) : code);
  return Object.assign(__import__, { text, texts: (...codes) => codes.map(text) });

  async function importWith(specifier, options, names) {
    const namespace = await load(`${specifier}`, options, join(cwd(), "<repl>"));
    for (let at = 0; at < names.length; at += 1) {
      if (!(names[at] in namespace)) {
        throw new UsersSyntaxError(
          `The requested module '${specifier}' does not provide an export named '${names[at]}'`,
        );
      }
    }
    return namespace;
  }

  function load(specifier, options, from) {
    if (useLoader !== undefined) {
      // It warns once that this is experimental, which is not the user's concern.
      const { emitWarning } = process;
      process.emitWarning = () => {};
      try {
        const script = new Script("(s, o) => import(s, o)", { filename: from, importModuleDynamically: useLoader });
        return script.runInThisContext()(specifier, options);
      } finally {
        process.emitWarning = emitWarning;
      }
    }
    if (/^[a-z][a-z0-9+.-]+:/i.test(specifier)) return node.importFrom(specifier);
    const found = createRequire(from).resolve(specifier);
    return node.importFrom(isAbsolute(found) ? node.pathToFileURL(found).href : found);
  }
}

module.exports = { importer };
