// Types of the guest programs, which are imported as text.

declare module "*.py" {
  const source: string;
  export default source;
}

declare module "*.cjs" {
  const source: string;
  export default source;
}

/** Imported as a file: its path. */
declare module "@swc/wasm-typescript/wasm.js" {
  const path: string;
  export default path;
}

declare module "*.sh" {
  const source: string;
  export default source;
}
