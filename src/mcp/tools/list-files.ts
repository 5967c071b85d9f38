// list_files: what is below a folder.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { Type } from "@sinclair/typebox";
import type { FileInfo } from "../../sandbox/files.ts";
import { meantPath, shownPath } from "../../sandbox/shown-paths.ts";
import type { SessionFiles } from "../../sessions/files.ts";
import { counted } from "../files/counted.ts";
import { type ListedFile, type Listing, listFolder } from "../files/listing.ts";
import { defineTool, type Tool } from "../tool.ts";
import { withLine } from "./content.ts";
import { type FileTool, maxToldTwiceBytes, sessionArgument } from "./file-tool.ts";

const maxDepth = 10;
const maxEntries = 1000;
/** Clients give a call up after 60 s. */
const maxListMs = 15_000;

type ListArguments = { readonly path?: string; readonly pattern?: string; readonly depth?: number };

export function listFiles(options: FileTool): Tool {
  const input = Type.Object(
    {
      session_id: sessionArgument,
      path: Type.Optional(Type.String({ description: "Default: the home folder." })),
      pattern: Type.Optional(Type.String({ maxLength: 1000, description: "Glob, as *.py or src/**/*.ts." })),
      depth: Type.Optional(
        Type.Integer({ minimum: 1, maximum: maxDepth, description: `Default: 1, ${maxDepth} for a pattern with /.` }),
      ),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "list_files",
      title: "List files",
      description: "Lists a folder of a session's sandbox: sizes in bytes, times of change, names; folders end in /.",
      input,
      annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
      call: ({ session_id, ...args }, { principal, signal }) =>
        options.sessions.withFiles({ principal, sessionId: session_id, signal }, (used) => list(options, used, args)),
    },
    options.toolErrors,
  );
}

async function list(options: FileTool, used: SessionFiles, args: ListArguments): Promise<CallToolResult> {
  const { clock, maxOutputBytes } = options;
  const { files, session, signal } = used;
  const folder = await files.stat(meantPath(args.path ?? "."), signal);
  const depth = args.depth ?? (args.pattern?.includes("/") ? maxDepth : 1);
  const startMs = clock.monotonicMs();
  const request = {
    ...{ pattern: args.pattern, depth, maxEntries, maxBytes: Math.min(maxOutputBytes, maxToldTwiceBytes) },
    isOver: () => clock.monotonicMs() - startMs > maxListMs,
  };
  const listing = folder.kind === "folder" ? await listFolder(files, folder.path, request, signal) : onlyItself(folder);
  const path = shownPath(folder.path);
  const notes = [...notesOf(listing, depth), ...(listing.entries.length === 0 ? shallow(args) : [])];
  const line = `[${[path, counted(listing.entries.length, "entry", "entries"), ...notes].join(" · ")}]`;
  const text = listing.entries.map(lineOf).join("");
  return {
    content: [{ type: "text", text: withLine(text, line) }],
    isError: false,
    structuredContent: {
      session_id: session.sessionId,
      path,
      entries: listing.entries,
      left_out: listing.leftOut,
      complete: listing.isComplete && listing.leftOut === 0,
      ...(notes.length > 0 && { notices: notes }),
    },
  };
}

/** As `ls` does with a file. */
function onlyItself({ path, kind, sizeBytes, modifiedMs }: FileInfo): Listing {
  const modified = new Date(modifiedMs).toISOString();
  const entry: ListedFile = { path: shownPath(path), kind, size_bytes: sizeBytes, modified };
  return { entries: [entry], leftOut: 0, isComplete: true, notEntered: 0 };
}

function lineOf({ path, kind, size_bytes, modified, target }: ListedFile): string {
  const size = size_bytes === undefined ? "-" : String(size_bytes);
  const name = `${path}${kind === "folder" ? "/" : ""}${target === undefined ? "" : ` -> ${target}`}`;
  const other = kind === "other" ? " (pipe, socket or device)" : "";
  return `${size}\t${modified.slice(0, 16).replace("T", " ")}\t${name}${other}\n`;
}

/** Nothing was found by what looks like a search, and was none below the folder. */
function shallow({ pattern, depth }: ListArguments): string[] {
  if (pattern === undefined || depth !== undefined || pattern.includes("/")) return [];
  return [`folders below not looked into: for that, the pattern is **/${pattern}`];
}

function notesOf({ leftOut, isComplete, notEntered }: Listing, depth: number): string[] {
  const more = isComplete ? "" : "at least ";
  return [
    leftOut > 0 && `${more}${leftOut} more left out: name a pattern or a folder below`,
    !isComplete && "not all could be looked at in time: name a folder below",
    notEntered > 0 && depth > 1 && `${counted(notEntered, "folder")} of caches and packages not entered: name them`,
  ].filter((note) => typeof note === "string");
}
