// write_file: a file from the text or the bytes of a call.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { Type } from "@sinclair/typebox";
import { Failure } from "../../failure.ts";
import { statIfThere } from "../../sandbox/file-verdicts.ts";
import { meantPath, shownPath } from "../../sandbox/shown-paths.ts";
import { defaultTemplate, type Template } from "../../sandbox/templates.ts";
import type { FilesRequest, SessionFiles } from "../../sessions/files.ts";
import { counted } from "../files/counted.ts";
import { defineTool, type Tool } from "../tool.ts";
import { type FileTool, maxContentBytes, pathArgument } from "./file-tool.ts";
import { oneOf, sessionHeader } from "./schemas.ts";

export type WriteTool = FileTool & { readonly templates: readonly Template[] };

type WriteArguments = {
  readonly path: string;
  readonly content?: string;
  readonly content_base64?: string;
  readonly append?: boolean;
};

export function writeFile(options: WriteTool): Tool {
  const { templates } = options;
  const input = Type.Object(
    {
      path: pathArgument,
      content: Type.Optional(Type.String({ description: "Text, written as UTF-8." })),
      content_base64: Type.Optional(Type.String({ description: "Or bytes." })),
      append: Type.Optional(Type.Boolean({ description: "true: add to the end of the file." })),
      session_id: Type.Optional(Type.String({ ...sessionHeader, description: "Without it a new session is started." })),
      template: Type.Optional(
        oneOf(
          templates.map(({ name }) => name),
          `Of a new session. Default: ${defaultTemplate(templates)}.`,
        ),
      ),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "write_file",
      title: "Write file",
      description:
        "Writes a file of a session's sandbox, with the folders above it; replaces what is there. At most 1 MiB; for more, " +
        "transfer_file.",
      input,
      mayBeEmpty: ["content"],
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
      call: async ({ session_id, template, ...args }, context) => {
        const bytes = bytesOf(args);
        const onProgress = (message: string) => context.progress(`${message}\n`);
        const { principal, signal } = context;
        const request = { principal, sessionId: session_id, template, signal, onProgress };
        return await inOne(options, request, (used) => write(used, args, bytes));
      },
    },
    options.toolErrors,
  );
}

/** A session that was started for a file that cannot be written is stopped again: nobody has been told of it. */
async function inOne<T>(
  { sessions }: WriteTool,
  request: FilesRequest,
  use: (used: SessionFiles) => Promise<T>,
): Promise<T> {
  let startedId: string | undefined;
  try {
    return await sessions.withFiles(request, (used) => {
      if (used.created) startedId = used.session.sessionId;
      return use(used);
    });
  } catch (error) {
    if (startedId !== undefined) await sessions.stop(request.principal, startedId);
    throw error;
  }
}

async function write(used: SessionFiles, args: WriteArguments, bytes: Uint8Array): Promise<CallToolResult> {
  const { files, session, created, signal } = used;
  const path = meantPath(args.path);
  const isThere = (await statIfThere(files, path, signal)) !== undefined;
  const mode = args.append === true ? ("append" as const) : ("replace" as const);
  const info = await files.write(path, once(bytes), { mode, makeFolders: true }, signal);
  const shown = shownPath(info.path);
  const outer = { session_id: session.sessionId, session_created: created };
  const done = args.append === true ? "appended" : "replaced";
  const outcome = isThere ? done : "created";
  const parts = [
    `session ${session.sessionId}${created ? " (new)" : ""}`,
    `${shown} ${outcome}`,
    `${counted(bytes.length, "byte")} written`,
    ...(info.sizeBytes === bytes.length ? [] : [`it has ${info.sizeBytes} now`]),
  ];
  return {
    content: [{ type: "text", text: `[${parts.join(" · ")}]` }],
    isError: false,
    ...outer,
    structuredContent: { ...outer, path: shown, outcome, written_bytes: bytes.length, size_bytes: info.sizeBytes },
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** Exactly one of the two; an empty `content` beside the other is what forms send that fill in everything. */
function bytesOf({ content, content_base64 }: WriteArguments): Uint8Array {
  if (content_base64 !== undefined) {
    if (content !== undefined && content !== "")
      throw wrong("content_base64", "content and content_base64 are both given; only one may be.");
    return bounded("content_base64", decoded(content_base64));
  }
  if (content === undefined) {
    throw wrong("content", 'neither content nor content_base64 is given; an empty file has the content "".');
  }
  if (!content.isWellFormed()) throw wrong("content", "content has half a character in it (a lone surrogate).");
  return bounded("content", Buffer.from(content));
}

function bounded(field: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length <= maxContentBytes) return bytes;
  throw new Failure(
    "invalid_arguments",
    `${field} has ${bytes.length} bytes; at most ${maxContentBytes} are allowed.`,
    {
      context: { fields: [{ field }], bytes: bytes.length, limit: maxContentBytes },
      advice: ["Upload it with transfer_file, or write it in parts with append."],
    },
  );
}

/** In either alphabet, with or without what fills it up, in lines or in one. */
function decoded(text: string): Uint8Array {
  const letters = text.replace(/\s+/g, "").replace(/={0,2}$/, "");
  const at = letters.search(/[^A-Za-z0-9+/_-]/);
  if (at >= 0) throw wrong("content_base64", `content_base64 is not base64: ${JSON.stringify(letters[at])} is in it.`);
  if (letters.length % 4 === 1) throw wrong("content_base64", "content_base64 is not base64: its end is missing.");
  return Buffer.from(letters, "base64");
}

function wrong(field: string, what: string): Failure {
  return new Failure("invalid_arguments", what, { context: { fields: [{ field }] } });
}
