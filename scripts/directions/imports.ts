// What a source imports: every way that names another module, types included, and the line that it stands on.

import { parseSync, Visitor } from "oxc-parser";

export type Import = {
  /** Null for an import whose module only a run names. */
  readonly from: string | null;
  readonly line: number;
};

/** Throws for a source that is neither TypeScript nor JavaScript. */
export function importsOf(file: string, source: string): readonly Import[] {
  const { module, errors, program } = parseSync(file, source);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file} cannot be read: ${error.message}`);
  const found: { from: string | null; start: number }[] = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest ?? [])),
  ].map(({ value, start }) => ({ from: value, start }));
  new Visitor({
    ImportExpression: ({ source: named, start }) => {
      const from = named.type === "Literal" && typeof named.value === "string" ? named.value : null;
      found.push({ from, start });
    },
    TSImportType: ({ source: { value, start } }) => {
      found.push({ from: value, start });
    },
  }).visit(program);
  return found.map(({ from, start }) => ({ from, line: source.slice(0, start).split("\n").length }));
}
