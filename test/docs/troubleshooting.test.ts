// docs/troubleshooting.md quotes only what the program says.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { failureTable } from "../../src/failure.ts";
import { root } from "./blocks.ts";

const sources = await Promise.all(
  (await Array.fromAsync(new Glob("src/**/*.ts").scan(root))).map(async (file) =>
    spoken(await Bun.file(join(root, file)).text()),
  ),
);
const guide = await Bun.file(join(root, "docs/troubleshooting.md")).text();
const quotes = guide
  .split("\n")
  .filter((line) => line.startsWith("**`"))
  .flatMap((line) => [...line.matchAll(/\*\*`([^`]+)`\*\*/g)].map(([, quote = ""]) => quote));

test("there are as many messages as the page has headings for", () => {
  expect(quotes.length).toBeGreaterThan(30);
  expect(new Set(quotes).size).toBe(quotes.length);
});

test.each(quotes)("the program says: %s", (quote) => {
  const prefix = Object.values(failureTable).find((row) => quote.startsWith(`${row.prefix}: `))?.prefix;
  const message = prefix === undefined ? quote : quote.slice(prefix.length + 2);
  const parts = message
    .split("…")
    .map((part) => part.replace(/^[\s:,.]+/, "").trim())
    .filter((part) => /\w/.test(part));
  const sayers = sources.filter((source) => parts.every((part) => source.includes(part)));
  expect({ quote, isSaid: sayers.length > 0 }).toEqual({ quote, isSaid: true });
});

/** A source with its texts in one piece, whatever lines they are on. */
function spoken(source: string): string {
  return source.replace(/["`] \+\s+["`]/g, "").replaceAll('\\"', '"');
}
