// read_file: the lines of a text file, a picture as one, and of anything else what it is and how to fetch it.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { Type } from "@sinclair/typebox";
import { Failure } from "../../failure.ts";
import { isRefusedAs } from "../../sandbox/file-verdicts.ts";
import type { OpenedFile } from "../../sandbox/files.ts";
import { maxPictureBytes } from "../../sandbox/picture.ts";
import { meantPath, shownPath } from "../../sandbox/shown-paths.ts";
import type { SessionFiles } from "../../sessions/files.ts";
import { type Content, contentOf, mediaTypeOf } from "../files/content.ts";
import { counted } from "../files/counted.ts";
import { flawOf } from "../files/pictures.ts";
import { wholeOf } from "../files/pieces.ts";
import { readLines } from "../files/reading.ts";
import { defineTool, type Tool } from "../tool.ts";
import type { CallContext } from "../tool-set.ts";
import { withLine } from "./content.ts";
import { type FileTool, howToFetch, pathArgument, sessionArgument } from "./file-tool.ts";
import { outputBudgetBytes } from "./fit.ts";
import { lineFields, toldLines } from "./told-lines.ts";

/** Clients give a call up after 60 s. */
const maxReadMs = 20_000;
/** Enough to tell what a file is; more is read for what is asked. */
const startBytes = 64 * 1024;
/** A larger text is told how to fetch. */
const largeBytes = 1024 * 1024;

type ReadArguments = {
  readonly session_id: string;
  readonly path: string;
  readonly offset?: number;
  readonly limit?: number;
  readonly line_numbers?: boolean;
};

export function readFile(options: FileTool): Tool {
  const input = Type.Object(
    {
      session_id: sessionArgument,
      path: pathArgument,
      offset: Type.Optional(Type.Integer({ description: "First line, from 1; negative: from the end. Default: 1." })),
      limit: Type.Optional(Type.Integer({ minimum: 1, description: "Lines. Default: as many as fit." })),
      line_numbers: Type.Optional(Type.Boolean({ description: "true: a number and a tab before each line." })),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "read_file",
      title: "Read file",
      description:
        "Reads a file of a session's sandbox: lines of text, or a picture. Ends with a line that tells what was left out and " +
        "where to go on. Works while code runs.",
      input,
      annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
      call: (args, context) => {
        const { principal, signal } = context;
        const request = { principal, sessionId: args.session_id, signal };
        return options.sessions.withFiles(request, (used) => read(options, used, args, context));
      },
    },
    options.toolErrors,
  );
}

async function read(
  options: FileTool,
  used: SessionFiles,
  args: ReadArguments,
  context: CallContext,
): Promise<CallToolResult> {
  await using file = await open(used, args);
  const content = contentOf(await file.read(0, startBytes));
  if (content.kind !== "text") return await tellOther(options, file, content, args, context);
  const startMs = options.clock.monotonicMs();
  const lines = await readLines(file, content, {
    // There is no line 0: whoever counts from there means the first.
    offset: args.offset === undefined || args.offset === 0 ? 1 : args.offset,
    limit: args.limit,
    numbered: args.line_numbers === true,
    maxBytes: options.maxOutputBytes,
    maxEncodedBytes: outputBudgetBytes,
    isOver: () => options.clock.monotonicMs() - startMs > maxReadMs,
  });
  const { sizeBytes } = file.info;
  const path = shownPath(file.info.path);
  const parts = [
    path,
    ...toldLines(lines, sizeBytes, content),
    ...(sizeBytes > largeBytes ? [fetching(options, file, args, context)] : []),
  ];
  const line = `[${parts.join(" · ")}]`;
  const isProgram = context.audience === "program";
  return {
    content: isProgram ? [text(lines.text), text(line)] : [text(withLine(lines.text, line))],
    isError: false,
    ...(isStructured(options, context) && {
      structuredContent: {
        ...{ session_id: args.session_id, path, kind: "text", size_bytes: sizeBytes },
        ...lineFields(lines),
        encoding: content.encoding,
      },
    }),
  };
}

/** Some hosts show their model nothing but the structured content where there is any, and there is no text in it. */
function isStructured({ structuredContent }: FileTool, { audience }: CallContext): boolean {
  return audience === "program" || structuredContent === "always";
}

async function open({ files, signal }: SessionFiles, args: ReadArguments): Promise<OpenedFile> {
  try {
    return await files.open(meantPath(args.path), signal);
  } catch (error) {
    throw isRefusedAs(error, "is_folder") ? isFolder(error, args) : error;
  }
}

function isFolder(error: Failure, { session_id, path }: ReadArguments): Failure {
  return new Failure("file_refused", `${shownPath(meantPath(path))} is a folder.`, {
    context: error.context,
    advice: [`list_files ${JSON.stringify({ session_id, path })} shows what is in it.`],
    cause: error,
  });
}

/** A picture that clients can show, else what it is. */
async function tellOther(
  options: FileTool,
  file: OpenedFile,
  content: Exclude<Content, { kind: "text" }>,
  args: ReadArguments,
  context: CallContext,
): Promise<CallToolResult> {
  const { sizeBytes } = file.info;
  const path = shownPath(file.info.path);
  const isPicture = content.kind === "picture";
  const mediaType = isPicture ? content.picture.mediaType : mediaTypeOf(file.info.path);
  const told = { session_id: args.session_id, path, kind: content.kind, size_bytes: sizeBytes };
  const result = (parts: readonly string[], sides: object = {}, image: readonly Image[] = []): CallToolResult => ({
    content: [...image, text(`[${[path, ...parts].join(" · ")}]`)],
    isError: false,
    ...(isStructured(options, context) && {
      structuredContent: { ...told, ...(mediaType !== undefined && { media_type: mediaType }), ...sides },
    }),
  });
  const size = counted(sizeBytes, "byte");
  if (!isPicture) {
    const type = mediaType === undefined ? "binary" : `binary, ${mediaType}`;
    return result([type, size, "not shown", fetching(options, file, args, context)]);
  }
  const bytes = sizeBytes > maxPictureBytes ? undefined : await wholeOf(file, maxPictureBytes);
  const { sides, flaw } = flawOf(bytes, content.picture);
  const shown =
    sides === null ? content.picture.mediaType : `${content.picture.mediaType}, ${sides.width} x ${sides.height}`;
  if (bytes === undefined || flaw !== undefined) {
    const why = `not shown: ${flaw}`;
    return result([shown, size, why, fetching(options, file, args, context)], { ...sides });
  }
  const image = { type: "image" as const, data: bytes.toString("base64"), mimeType: content.picture.mediaType };
  return result([shown, size], { ...sides }, [image]);
}

type Image = { readonly type: "image"; readonly data: string; readonly mimeType: string };

function fetching(options: FileTool, file: OpenedFile, args: ReadArguments, { principal }: CallContext): string {
  const { path } = file.info;
  return howToFetch(
    args.session_id,
    shownPath(path),
    options.linkFor?.({ principal, sessionId: args.session_id, path }),
  );
}

function text(content: string) {
  return { type: "text" as const, text: content };
}
