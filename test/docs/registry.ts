// Which test runs which fenced command of the documents, by the document and the block's name; or why none can.

/** `by`: a test file that names the block. `why`: what keeps it from being run, as a reader would accept it. */
export type Entry = { readonly by: string } | { readonly why: string };

export const registry: Readonly<Record<string, Readonly<Record<string, Entry>>>> = {
  "README.md": {},
};
