// What the tools for files answer: the fields of their structuredContent, and calls with their results.

import { Type } from "@sinclair/typebox";
import { among, closed, type Example, sessionId, type ToolAnswer } from "./answers.ts";

const session = Type.String({ description: "as it was given" });
const path = Type.String({ description: "absolute, [as it is shown](../file-tools.md#names)" });
const size = Type.Integer({ description: "of the file, now" });

const read = Type.Object(
  {
    session_id: session,
    path,
    kind: among(["text", "picture", "binary"], "what it is; only text has the fields from `offset` on"),
    size_bytes: size,
    media_type: Type.Optional(Type.String({ description: "of a picture; of anything else by the end of its name" })),
    width: Type.Optional(Type.Integer({ description: "of a picture, in pixels" })),
    height: Type.Optional(Type.Integer({ description: "of a picture, in pixels" })),
    offset: Type.Optional(
      Type.Integer({ description: "the number of the first line; negative where only the end of the file was read" }),
    ),
    lines: Type.Optional(Type.Integer({ description: "how many are shown" })),
    total_lines: Type.Optional(Type.Integer({ description: "of the file, where its end has been reached" })),
    next_offset: Type.Optional(Type.Integer({ description: "there is more from there on" })),
    cut_lines: Type.Optional(Type.Integer({ description: "how many long lines are cut" })),
    encoding: Type.Optional(among(["utf-8", "utf-16le", "utf-16be", "windows-1252"], "what it was read as")),
  },
  closed,
);

const written = Type.Object(
  {
    session_id: Type.String({ description: "the session that it was written in; pass it on in the next call" }),
    session_created: Type.Boolean({ description: "the call named no session, and this one was started" }),
    path,
    outcome: among(["created", "replaced", "appended"], "what became of the file"),
    written_bytes: Type.Integer({ description: "of this call" }),
    size_bytes: size,
  },
  closed,
);

const edited = Type.Object(
  {
    session_id: session,
    path,
    changed: Type.Boolean({ description: "false with `dry_run`" }),
    edits: Type.Integer({ description: "how many were made, or would be" }),
    diff: Type.String({ description: "what they change, as a unified diff; the rest of a long one is left out" }),
    size_bytes: Type.Integer({ description: "of the file as edited" }),
  },
  closed,
);

const entry = Type.Object(
  {
    path: Type.String(),
    kind: among(["file", "folder", "link", "other"]),
    size_bytes: Type.Optional(Type.Integer()),
    modified: Type.String(),
    target: Type.Optional(Type.String()),
  },
  closed,
);

const listed = Type.Object(
  {
    session_id: session,
    path: Type.String({ description: "of the folder, absolute" }),
    entries: Type.Array(entry, {
      description:
        "what is in it, by name: `path` from the folder on, `kind` (file, folder, link, other), `size_bytes` of a file, `target` of a link",
    }),
    left_out: Type.Integer({ description: "how many more are meant and not told" }),
    complete: Type.Boolean({ description: "nothing is left out, and all could be looked at" }),
    notices: Type.Optional(Type.Array(Type.String(), { description: "what is missing, and what to do about it" })),
  },
  closed,
);

const file = "/home/user/main.py";
const diff = `--- ${file}\n+++ ${file}\n@@ -1,2 +1,2 @@\n-x = 1\n+x = 41\n print(x)\n`;

export const fileTools: Readonly<Record<string, ToolAnswer>> = {
  read_file: {
    result: read,
    example: {
      arguments: { session_id: sessionId, path: "main.py", limit: 1 },
      result: {
        content: [
          { type: "text", text: "x = 1\n" },
          { type: "text", text: `[${file} · line 1 · there is more: go on with offset 2 · 15 bytes]` },
        ],
        isError: false,
        structuredContent: {
          ...{ session_id: sessionId, path: file, kind: "text", size_bytes: 15 },
          ...{ offset: 1, lines: 1, next_offset: 2, encoding: "utf-8" },
        },
      },
    },
  },
  write_file: {
    result: written,
    example: {
      arguments: { path: "main.py", content: "x = 1\nprint(x)\n" },
      result: told(`[session ${sessionId} (new) · ${file} created · 15 bytes written]`, {
        outer: { session_id: sessionId, session_created: true },
        inner: { path: file, outcome: "created", written_bytes: 15, size_bytes: 15 },
      }),
    },
  },
  edit_file: {
    result: edited,
    example: {
      arguments: { session_id: sessionId, path: "main.py", edits: [{ old: "x = 1", new: "x = 41" }] },
      result: told(`${diff}[${file} · 1 edit made · 16 bytes]`, {
        inner: { session_id: sessionId, path: file, changed: true, edits: 1, diff, size_bytes: 16 },
      }),
    },
  },
  list_files: {
    result: listed,
    example: {
      arguments: { session_id: sessionId, pattern: "*.py" },
      result: told(`16\t2026-11-24 10:00\tmain.py\n[/home/user · 1 entry]`, {
        inner: {
          session_id: sessionId,
          path: "/home/user",
          entries: [{ path: "main.py", kind: "file", size_bytes: 16, modified: "2026-11-24T10:00:00Z" }],
          left_out: 0,
          complete: true,
        },
      }),
    },
  },
};

type Fields = Readonly<Record<string, unknown>>;

function told(
  text: string,
  { outer = {}, inner }: { readonly outer?: Fields; readonly inner: Fields },
): Example["result"] {
  return { content: [{ type: "text", text }], isError: false, ...outer, structuredContent: { ...outer, ...inner } };
}
