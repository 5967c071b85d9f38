// The files that a run has made or changed, as its result tells them: a line of text, structured content, and links to them as resources.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { ChangedFile, Changes } from "../../sandbox/files.ts";
import { shownPath } from "../../sandbox/shown-paths.ts";
import { mediaTypeOf } from "../files/content.ts";
import { sandboxUri } from "../resources/uri.ts";
import type { CallContext } from "../tool-set.ts";

/** Of the line: each is named to a model, which can list the rest. */
const maxNamed = 10;
const maxLinks = 10;
/** Of a path in the line, in characters; the whole is in structured content. */
const maxNamedLength = 200;

/** Empty where there are none. */
export function filesLines(changes: Changes | undefined): readonly string[] {
  if (changes === undefined || changes.files.length === 0) return [];
  const { files, isComplete } = changes;
  const named = files.slice(0, maxNamed).map((file) => `${nameOf(file)} (${sizeOf(file)})`);
  const left = files.length - named.length;
  const more = left > 0 ? ` and ${left} more` : "";
  const rest = isComplete ? "" : "; there may be others";
  return [`[files: ${named.join(", ")}${more}${rest}]`];
}

export function filesFields(changes: Changes | undefined) {
  if (changes === undefined || (changes.files.length === 0 && changes.isComplete)) return {};
  const { files, isComplete } = changes;
  return {
    files: files.map(({ path, sizeBytes }) => ({ path: shownPath(path), size_bytes: sizeBytes })),
    ...(!isComplete && { files_complete: false }),
  };
}

/** Of the first ones, for an agent whose client takes them. */
export function fileLinks(
  sessionId: string,
  changes: Changes | undefined,
  { audience, takesLinks }: Pick<CallContext, "audience" | "takesLinks">,
): CallToolResult["content"] {
  if (audience === "program" || !takesLinks) return [];
  return (changes?.files ?? []).slice(0, maxLinks).map(({ path, sizeBytes }) => {
    const mimeType = mediaTypeOf(path);
    return {
      type: "resource_link",
      uri: sandboxUri(sessionId, path),
      name: shownPath(path),
      ...(mimeType !== undefined && { mimeType }),
      size: sizeBytes,
    };
  });
}

/** At most what an answer grows by that tells them, in bytes of JSON. */
export function filesBytes(changes: Changes | undefined): number {
  return (changes?.files ?? []).reduce((sum, { path }) => sum + path.length * maxBytesPerUnit + maxBytesPerFile, 0);
}

/** A UTF-16 code unit of a path, in its places: twice written for reading, `\\\\xff`, once for a URI, `%ED%B3%BF`, and perhaps in the line. */
const maxBytesPerUnit = 5 + 5 + 9 + 5;
/** What is around them. */
const maxBytesPerFile = 200;

function nameOf({ path }: ChangedFile): string {
  const shown = shownPath(path);
  return shown.length <= maxNamedLength ? shown : `…${shown.slice(-maxNamedLength).toWellFormed()}`;
}

const units = ["KB", "MB", "GB", "TB"];

/** With two digits at least where they say something: 12 bytes, 1.2 KB, 12 KB, 120 KB. */
function sizeOf({ sizeBytes }: ChangedFile): string {
  if (sizeBytes < 1000) return `${sizeBytes} ${sizeBytes === 1 ? "byte" : "bytes"}`;
  const power = Math.min(units.length, Math.floor(Math.log10(sizeBytes) / 3));
  const size = sizeBytes / 1000 ** power;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[power - 1]}`;
}
