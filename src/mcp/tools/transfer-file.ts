// transfer_file: files that do not belong into a conversation. Over HTTP a URL that permits one transfer, with the command line for it; on stdio a copy
// from or to a folder of this machine that the operator has allowed.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { Type } from "@sinclair/typebox";
import { type ArchiveFormat, archiveFormats } from "../../archives/format.ts";
import { Failure } from "../../failure.ts";
import { fileFailure } from "../../sandbox/file-failures.ts";
import { statIfThere } from "../../sandbox/file-verdicts.ts";
import type { FileInfo, Files } from "../../sandbox/files.ts";
import { meantPath, shownPath } from "../../sandbox/shown-paths.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import { counted } from "../files/counted.ts";
import { defineTool, type Tool, type ToolErrors } from "../tool.ts";
import { type LinkFor, sessionArgument } from "./file-tool.ts";
import { oneOf } from "./schemas.ts";
import { commandLine } from "./transfer-command.ts";
import { type CopyFile, copyDescription, copyFile } from "./transfer-copy.ts";

export type MintedLink = {
  readonly url: string;
  readonly method: "GET" | "PUT";
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly maxBytes: number;
};

export type MintLink = (grant: {
  readonly principal: string;
  readonly sessionId: string;
  readonly path: string;
  readonly method: "GET" | "PUT";
  readonly format: ArchiveFormat | undefined;
}) => MintedLink;

/** How bytes come and go: by URLs of a server that listens, or through folders of this machine. */
export type TransferWay = { readonly kind: "links"; readonly mint: MintLink } | CopyFile;

export type TransferFileOptions = {
  readonly sessions: Pick<Sessions, "withFiles">;
  readonly transfers: TransferWay;
  readonly toolErrors: ToolErrors;
};

/** Downloads for the tools that tell of a file which they do not show. */
export function linksOf(transfers: TransferWay): LinkFor | undefined {
  if (transfers.kind !== "links") return undefined;
  return (file) => transfers.mint({ ...file, method: "GET", format: undefined }).url;
}

const directions = ["upload", "download"] as const;

export function transferFile({ sessions, transfers, toolErrors }: TransferFileOptions): Tool {
  const common = {
    session_id: sessionArgument,
    path: Type.String({ minLength: 1, description: "In the sandbox; relative to the home." }),
    direction: oneOf(directions, "upload: into the sandbox."),
  };
  const definition = {
    name: "transfer_file",
    title: "Transfer file",
    annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
  };
  if (transfers.kind === "folders") {
    const host_path = Type.String({ minLength: 1, description: copyDescription(transfers) });
    return defineTool(
      {
        ...definition,
        description: "Copies a file of any size between a sandbox and this machine, replacing one that is there.",
        input: Type.Object({ ...common, host_path }, { additionalProperties: false }),
        call: (args, context) => copyFile(sessions, transfers, args, context),
      },
      toolErrors,
    );
  }
  const format = Type.Optional(oneOf(archiveFormats, "For a folder: the archive it comes as, or is unpacked from."));
  return defineTool(
    {
      ...definition,
      description:
        "For files that are large or binary: answers a URL that permits this one transfer without a token, and the curl line for it, to run " +
        "where the other copy of the file is (not in the sandbox).",
      input: Type.Object({ ...common, format }, { additionalProperties: false }),
      call: async ({ session_id, path: named, direction, format }, { principal, signal }) => {
        const path = meantPath(named);
        const request = { principal, sessionId: session_id, signal };
        const look = async ({ files, signal }: { readonly files: Files; readonly signal: AbortSignal }) =>
          direction === "download" ? await files.stat(path, signal) : await statIfThere(files, path, signal);
        const info = await sessions.withFiles(request, look);
        const asked = { principal, sessionId: session_id, path, format: formatFor(info, direction, format) };
        const link = transfers.mint({ ...asked, method: direction === "upload" ? "PUT" : "GET" });
        return told(session_id, link, info, { path, format: asked.format, direction });
      },
    },
    toolErrors,
  );
}

type Direction = (typeof directions)[number];

/** Throws Failure `file_refused` where what is there and what is asked for do not fit. */
function formatFor(
  info: FileInfo | undefined,
  direction: Direction,
  format: ArchiveFormat | undefined,
): ArchiveFormat | undefined {
  const kind = info?.kind === "folder" ? "folder" : "file";
  if (info?.kind === "other") throw fileFailure("ESPECIAL", info.path);
  if (kind === "folder" && format === undefined) {
    if (direction === "download") return "tar.gz";
    throw unfit(
      `${shownPath(info?.path ?? "")} is a folder.`,
      "is_folder",
      "Name a file in it, or give format to unpack an archive there.",
    );
  }
  if (info !== undefined && kind === "file" && format !== undefined) {
    throw unfit(
      `${shownPath(info.path)} is not a folder, which alone has a format.`,
      "not_folder",
      "Leave format out.",
    );
  }
  return format;
}

function unfit(what: string, reason: "is_folder" | "not_folder", advice: string): Failure {
  return new Failure("file_refused", what, { context: { reason }, advice: [advice] });
}

type Told = { readonly path: string; readonly format: ArchiveFormat | undefined; readonly direction: Direction };

function told(
  sessionId: string,
  { url, method, expiresAt, maxBytes }: MintedLink,
  info: FileInfo | undefined,
  asked: Told,
): CallToolResult {
  const { direction, path } = asked;
  const command = commandLine(url, asked);
  const expires = new Date(expiresAt).toISOString();
  const size = info?.kind === "file" ? { size_bytes: info.sizeBytes } : {};
  const limit = direction === "upload" ? { max_bytes: maxBytes } : {};
  const bytes = direction === "upload" ? `at most ${maxBytes} bytes` : sizeText(info);
  const text = `${command}\n\n${method}, ${bytes}, until ${expires} or the session's end. Whoever has the URL may use it.`;
  const link = { url, method, command, expires_at: expires, ...size, ...limit };
  const object = { session_id: sessionId, path: shownPath(path), direction, ...link };
  return { ...object, content: [{ type: "text", text }], isError: false, structuredContent: object };
}

function sizeText(info: FileInfo | undefined): string {
  return info?.kind === "file" ? counted(info.sizeBytes, "byte") : "a folder as an archive";
}
