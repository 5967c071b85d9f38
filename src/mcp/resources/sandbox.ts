// sandbox://SESSION/PATH: the files of sessions as resources.

import { Failure } from "../../failure.ts";
import type { OpenedFile } from "../../sandbox/files.ts";
import { maxPictureBytes } from "../../sandbox/picture.ts";
import { shownPath } from "../../sandbox/shown-paths.ts";
import { encodedBytes } from "../../sessions/executions/encoded.ts";
import { contentOf, type Encoding, mediaTypeOf, textTypeOf } from "../files/content.ts";
import { wholeOf } from "../files/pieces.ts";
import type { CallContext } from "../tool-set.ts";
import { type FileTool, howToFetch } from "../tools/file-tool.ts";
import { outputBudgetBytes } from "../tools/fit.ts";
import type { ResourceScheme } from "./table.ts";
import { readSandboxUri, sandboxPrefix } from "./uri.ts";

/** Of anything but text: as much as a picture may have. */
const maxBlobBytes = maxPictureBytes;

export function sandboxFiles(options: FileTool): ResourceScheme {
  return {
    prefix: sandboxPrefix,
    resources: [],
    templates: [
      {
        uriTemplate: `${sandboxPrefix}{session_id}/{+path}`,
        name: "sandbox-file",
        title: "File of a sandbox",
        description:
          "A file of a session's sandbox, as the tools name it: session_id from a result, path absolute or from the home folder on.",
      },
    ],
    read(uri, context) {
      const named = readSandboxUri(uri);
      if (named === undefined) return undefined;
      const { sessionId, path } = named;
      const { principal, signal } = context;
      return options.sessions.withFiles({ principal, sessionId, signal }, async (used) => {
        await using file = await used.files.open(path, used.signal);
        return { contents: [{ uri, ...(await contentsOf(options, file, sessionId, context)) }] };
      });
    },
  };
}

async function contentsOf(options: FileTool, file: OpenedFile, sessionId: string, { principal }: CallContext) {
  const { path, sizeBytes } = file.info;
  const tooLarge = (limit: number) => {
    const shown = shownPath(path);
    const link = options.linkFor?.({ principal, sessionId, path });
    return new Failure("file_refused", `${shown} has ${sizeBytes} bytes; a resource may have ${limit}.`, {
      context: { reason: "other", bytes: sizeBytes, limit },
      advice: [`Read a part of it with read_file, or ${howToFetch(sessionId, shown, link)}`],
    });
  };
  const bytes = sizeBytes > outputBudgetBytes ? undefined : await wholeOf(file, outputBudgetBytes);
  if (bytes === undefined) throw tooLarge(outputBudgetBytes);
  const content = contentOf(bytes);
  if (content.kind === "text") {
    const text = decode(bytes.subarray(content.bomBytes), content.encoding);
    if (encodedBytes(text) > outputBudgetBytes) throw tooLarge(outputBudgetBytes);
    return { mimeType: textTypeOf(path), text };
  }
  if (bytes.length > maxBlobBytes) throw tooLarge(maxBlobBytes);
  const mimeType =
    content.kind === "picture" ? content.picture.mediaType : (mediaTypeOf(path) ?? "application/octet-stream");
  return { mimeType, blob: bytes.toString("base64") };
}

function decode(bytes: Uint8Array, encoding: Encoding): string {
  return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
}
