// edit_file: replaces exact pieces of a text file, all or none, and answers what has changed.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { Type } from "@sinclair/typebox";
import { Failure } from "../../failure.ts";
import { isRefusedAs } from "../../sandbox/file-verdicts.ts";
import type { FileInfo, Files, GuestPath } from "../../sandbox/files.ts";
import { meantPath, shownPath } from "../../sandbox/shown-paths.ts";
import type { SessionFiles } from "../../sessions/files.ts";
import { counted } from "../files/counted.ts";
import { diffOf } from "../files/diff.ts";
import { applyEdits, type Edit } from "../files/edits.ts";
import { InOrder } from "../files/in-order.ts";
import { wholeOf } from "../files/pieces.ts";
import { defineTool, type Tool } from "../tool.ts";
import { withLine } from "./content.ts";
import { type FileTool, maxContentBytes, maxToldTwiceBytes, pathArgument, sessionArgument } from "./file-tool.ts";

/** Of one call. */
const maxEdits = 100;

type EditArguments = { readonly path: string; readonly edits: readonly Edit[]; readonly dry_run?: boolean };

export function editFile(options: FileTool): Tool {
  const input = Type.Object(
    {
      session_id: sessionArgument,
      path: pathArgument,
      edits: Type.Array(
        Type.Object(
          {
            old: Type.String({ description: "Exact text, found once." }),
            new: Type.String({ description: "What takes its place." }),
            replace_all: Type.Optional(Type.Boolean()),
          },
          { additionalProperties: false },
        ),
        { minItems: 1, maxItems: maxEdits, description: "Made in order, all or none." },
      ),
      dry_run: Type.Optional(Type.Boolean({ description: "true: only show the diff." })),
    },
    { additionalProperties: false },
  );
  const inOrder = new InOrder();
  return defineTool(
    {
      name: "edit_file",
      title: "Edit file",
      description:
        "Replaces exact pieces of a text file (UTF-8, at most 1 MiB) in a session's sandbox; returns the diff.",
      input,
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
      call: ({ session_id, ...args }, { principal, signal }) =>
        options.sessions.withFiles({ principal, sessionId: session_id, signal }, (used) =>
          // Clients make calls side by side: the next one finds what the one before has written.
          inOrder.run(session_id, used.signal, () => edit(options, used, args)),
        ),
    },
    options.toolErrors,
  );
}

async function edit({ maxOutputBytes }: FileTool, used: SessionFiles, args: EditArguments): Promise<CallToolResult> {
  const { files, session, signal } = used;
  const path = meantPath(args.path);
  const { info, text: before } = await textOf(files, path, signal);
  const after = applyEdits(before, args.edits);
  const shown = shownPath(info.path);
  const diff = diffOf(shown, before, after, Math.min(maxOutputBytes, maxToldTwiceBytes));
  const bytes = Buffer.from(after);
  if (bytes.length > maxContentBytes) throw tooLarge(shown, "would have", bytes.length);
  const isDry = args.dry_run === true;
  if (!isDry) await replace(files, path, info, bytes, signal);
  const outcome = isDry ? "unchanged: dry_run" : `${counted(args.edits.length, "edit")} made`;
  return {
    content: [{ type: "text", text: withLine(diff, `[${shown} · ${outcome} · ${counted(bytes.length, "byte")}]`) }],
    isError: false,
    structuredContent: {
      session_id: session.sessionId,
      path: shown,
      changed: !isDry,
      edits: args.edits.length,
      diff,
      size_bytes: bytes.length,
    },
  };
}

async function textOf(
  files: Files,
  path: GuestPath,
  signal: AbortSignal,
): Promise<{ readonly info: FileInfo; readonly text: string }> {
  await using file = await files.open(path, signal);
  const { info } = file;
  const shown = shownPath(info.path);
  if (info.sizeBytes > maxContentBytes) throw tooLarge(shown, "has", info.sizeBytes);
  const bytes = await wholeOf(file, maxContentBytes);
  if (bytes === undefined) throw tooLarge(shown, "has more than", maxContentBytes);
  try {
    // A byte order mark stays where it is.
    return { info, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (cause) {
    throw notText(shown, cause);
  }
}

/** Unless it has been changed since it was read. */
async function replace(
  files: Files,
  path: GuestPath,
  info: FileInfo,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const content = (async function* () {
    yield bytes;
  })();
  const options = { mode: "replace", makeFolders: false, ifVersion: info.version } as const;
  try {
    await files.write(path, content, options, signal);
  } catch (cause) {
    throw isRefusedAs(cause, "changed") ? changedMeanwhile(shownPath(info.path), cause) : cause;
  }
}

function notText(shown: string, cause: unknown): Failure {
  return new Failure("file_refused", `${shown} is not text in UTF-8.`, {
    context: { reason: "other" },
    advice: ["Change it by code in the sandbox, or convert it first."],
    cause,
  });
}

function changedMeanwhile(shown: string, cause: unknown): Failure {
  return new Failure(
    "file_refused",
    `${shown} was changed by something else while it was edited. Nothing was written.`,
    {
      context: { reason: "changed" },
      advice: ["Read it again with read_file, then edit it."],
      cause,
    },
  );
}

function tooLarge(shown: string, has: string, bytes: number): Failure {
  return new Failure("file_refused", `${shown} ${has} ${bytes} bytes; at most ${maxContentBytes} can be edited.`, {
    context: { reason: "other", bytes, limit: maxContentBytes },
    advice: ["Change it in the sandbox: execute_command with sed, or execute_code."],
  });
}
