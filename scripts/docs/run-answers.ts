// What the tools that run something, and look at what runs, answer: the fields of their structuredContent, and calls with their results.

import { Type } from "@sinclair/typebox";
import { sources, units } from "../../src/mcp/tools/look.ts";
import { flavorNames } from "../../src/sandbox/flavors.ts";
import { among, closed, executionId, executionKinds, executionStates, sessionId, type ToolAnswer } from "./answers.ts";

const sessionField = Type.String({ description: "the session that it ran in; pass it on in the next call" });

const executionField = Type.String({ description: "of this run, for get_execution and control_execution" });

const late = Type.Optional(
  Type.Array(Type.Object({ execution_id: Type.String(), bytes: Type.Integer(), offset: Type.Integer() }, closed), {
    description: "what earlier runs of the session have written after their ends, and where to read it",
  }),
);

const changed = {
  files: Type.Optional(
    Type.Array(Type.Object({ path: Type.String(), size_bytes: Type.Integer() }, closed), {
      description: "[the files that it has made or changed](../sessions.md#what-a-run-has-changed), at most 100",
    }),
  ),
  files_complete: Type.Optional(Type.Literal(false, { description: "there may be more than `files` has" })),
};

const run = Type.Object(
  {
    session_id: sessionField,
    session_created: Type.Boolean({ description: "the call named no session, and this one was started" }),
    execution_id: executionField,
    status: Type.Literal("ended", { description: "one that goes on has other fields, below" }),
    success: Type.Boolean({ description: "the program ran to its end without an error; `isError` is the opposite" }),
    ended: among(
      ["exited", "timed_out", "canceled", "signaled", "out_of_memory", "output_limit", "interpreter_exited"],
      "[how it ended](../operate.md#how-an-execution-ended)",
    ),
    stdout: Type.String({ description: "what it wrote to standard output" }),
    stderr: Type.String({ description: "what it wrote to standard error, a traceback included" }),
    result: Type.Union([Type.String(), Type.Null()], {
      description: "the value of a last expression, as the language's prompt prints it; null if there is none",
    }),
    exit_code: Type.Union([Type.Integer(), Type.Null()], { description: "null where there is no exit status to tell" }),
    signal: Type.Optional(
      Type.String({ description: "the signal that ended it, such as `SIGKILL`; there only if one did" }),
    ),
    execution_time_ms: Type.Integer({ description: "how long it ran; waiting and booting are not counted" }),
    template: Type.String({ description: "of the session" }),
    flavor: among(flavorNames, "of the session"),
    expires_at: Type.String({ description: "when the session ends if nobody uses it (ISO 8601)" }),
    stdout_truncated_bytes: Type.Integer({ description: "bytes of standard output that were left out of its middle" }),
    stderr_truncated_bytes: Type.Integer({ description: "the same for standard error" }),
    interpreter_restarted: Type.Optional(
      Type.Literal(true, { description: "a new interpreter has taken its place: variables are gone, files are kept" }),
    ),
    notices: Type.Optional(
      Type.Array(Type.String(), {
        description:
          "what else there is to say of this run: a limit that it has reached, or output that could not be kept",
      }),
    ),
    ...changed,
    background_output: late,
  },
  closed,
);

/** Of a run that was not over when its call was answered. */
const left = Type.Object(
  {
    session_id: sessionField,
    session_created: Type.Boolean({ description: "as above" }),
    execution_id: executionField,
    status: among(["queued", "running"], "how far it is"),
    waits_for: Type.Optional(Type.String({ description: "what a queued one waits for" })),
    stdout: Type.String({ description: "what it has written to standard output so far" }),
    stderr: Type.String({ description: "the same for standard error" }),
    template: Type.String({ description: "of the session" }),
    flavor: among(flavorNames, "of the session"),
    stdout_truncated_bytes: Type.Integer({ description: "bytes of standard output that were left out of its middle" }),
    stderr_truncated_bytes: Type.Integer({ description: "the same for standard error" }),
    notices: Type.Optional(Type.Array(Type.String(), { description: "what of its output could not be kept" })),
    background_output: late,
  },
  closed,
);

const looked = Type.Object(
  {
    execution_id: Type.String({ description: "as it was given" }),
    session_id: Type.String({ description: "the session that it runs in" }),
    kind: among(executionKinds, "what was to be run"),
    status: among(executionStates, "how far it is"),
    waits_for: Type.Optional(Type.String({ description: "what a queued one waits for" })),
    ended: Type.Optional(Type.String({ description: "how it ended, as in the result of a run; or `failed`" })),
    success: Type.Optional(Type.Boolean({ description: "it ran to its end without an error" })),
    message: Type.Optional(Type.String({ description: "why it failed" })),
    result: Type.Optional(Type.Union([Type.String(), Type.Null()], { description: "as in the result of a run" })),
    exit_code: Type.Optional(Type.Union([Type.Integer(), Type.Null()], { description: "as in the result of a run" })),
    signal: Type.Optional(Type.String({ description: "the signal that ended it" })),
    execution_time_ms: Type.Optional(Type.Integer({ description: "how long it ran" })),
    interpreter_restarted: Type.Optional(Type.Literal(true, { description: "as in the result of a run" })),
    started_at: Type.Optional(Type.String({ description: "when it began (ISO 8601), once it has" })),
    ended_at: Type.Optional(Type.String({ description: "when it ended, once it has" })),
    stream: among(sources, "of what `output` is a part"),
    output: Type.String({ description: "the part of its output that was asked for" }),
    offset: Type.Optional(Type.Integer({ description: "where `output` begins; not after a search" })),
    next_offset: Type.Integer({ description: "where to go on" }),
    unit: among(units, "of `offset` and `next_offset`"),
    has_more: Type.Boolean({ description: "there is more to read from `next_offset` on, now" }),
    matches: Type.Optional(Type.Integer({ description: "lines that the search has found and told" })),
    stdout_bytes: Type.Integer({ description: "what can be read of standard output" }),
    stderr_bytes: Type.Integer({ description: "the same for standard error" }),
    notices: Type.Optional(Type.Array(Type.String(), { description: "what of its output is missing" })),
    ...changed,
  },
  closed,
);

/** `echo "Who are you?"; while read -r name; do echo "Hello, $name"; done` */
const greeterId = "execution-k3f7q-3hv8zc5mw2rqn9tb6kd4xj7p";
const command = "echo begun; sleep 3; echo done";

export const runTools: Readonly<Record<string, ToolAnswer>> = {
  execute_code: {
    result: run,
    running: { result: left },
    example: {
      arguments: { code: "x = 41\nprint('hello')\nx + 1" },
      result: {
        content: [
          { type: "text", text: "hello\n42\n" },
          { type: "text", text: `[session ${sessionId} (new) · success · 12 ms]` },
        ],
        isError: false,
        session_id: sessionId,
        session_created: true,
        execution_id: executionId,
        structuredContent: {
          session_id: sessionId,
          session_created: true,
          execution_id: executionId,
          status: "ended",
          success: true,
          ended: "exited",
          stdout: "hello\n42\n",
          stderr: "",
          result: "42",
          exit_code: null,
          execution_time_ms: 12,
          template: "python",
          flavor: "small",
          expires_at: "2026-11-24T10:30:00.000Z",
          stdout_truncated_bytes: 0,
          stderr_truncated_bytes: 0,
        },
      },
    },
  },
  execute_command: {
    result: run,
    running: {
      result: left,
      example: {
        arguments: { command, session_id: sessionId, wait: 1 },
        result: {
          content: [
            { type: "text", text: "begun\n" },
            {
              type: "text",
              text: `[session ${sessionId} · running after 1 s · it goes on: get_execution {"execution_id":"${executionId}","wait":50} waits for its end, control_execution ends it]`,
            },
          ],
          isError: false,
          session_id: sessionId,
          session_created: false,
          execution_id: executionId,
          structuredContent: {
            session_id: sessionId,
            session_created: false,
            execution_id: executionId,
            status: "running",
            stdout: "begun\n",
            stderr: "",
            template: "python",
            flavor: "small",
            stdout_truncated_bytes: 0,
            stderr_truncated_bytes: 0,
          },
        },
      },
    },
    example: {
      arguments: { command: "echo out; echo err >&2; exit 3" },
      result: {
        content: [
          { type: "text", text: "out\nerr\n" },
          { type: "text", text: `[session ${sessionId} (new) · exit code 3 · 12 ms]` },
        ],
        isError: true,
        session_id: sessionId,
        session_created: true,
        execution_id: executionId,
        structuredContent: {
          session_id: sessionId,
          session_created: true,
          execution_id: executionId,
          status: "ended",
          success: false,
          ended: "exited",
          stdout: "out\n",
          stderr: "err\n",
          result: null,
          exit_code: 3,
          execution_time_ms: 12,
          template: "python",
          flavor: "small",
          expires_at: "2026-11-24T10:30:00.000Z",
          stdout_truncated_bytes: 0,
          stderr_truncated_bytes: 0,
        },
      },
    },
  },
  get_execution: {
    result: looked,
    example: {
      arguments: { execution_id: executionId, wait: 50 },
      result: lookedAt(executionId, "begun\ndone\n[EXECUTION · success after 3.0 s · next_offset 11]", {
        status: "ended",
        ended: "exited",
        success: true,
        result: null,
        exit_code: 0,
        execution_time_ms: 3002,
        started_at: "2026-11-24T10:00:00.000Z",
        ended_at: "2026-11-24T10:00:03.002Z",
        stream: "all",
        output: "begun\ndone\n",
        offset: 0,
        next_offset: 11,
        unit: "bytes",
        has_more: false,
        stdout_bytes: 11,
        stderr_bytes: 0,
      }),
    },
  },
  control_execution: {
    result: looked,
    example: {
      arguments: { execution_id: greeterId, input: "Ada\n" },
      result: lookedAt(greeterId, "Hello, Ada\n[EXECUTION · running for 4.1 s · next_offset 24]", {
        status: "running",
        started_at: "2026-11-24T10:00:00.000Z",
        stream: "all",
        output: "Hello, Ada\n",
        offset: 13,
        next_offset: 24,
        unit: "bytes",
        has_more: false,
        stdout_bytes: 24,
        stderr_bytes: 0,
      }),
    },
  },
};

function lookedAt(id: string, text: string, fields: Readonly<Record<string, unknown>>) {
  const outer = { execution_id: id, session_id: sessionId };
  return {
    content: [{ type: "text", text: text.replace("EXECUTION", id) }],
    isError: false,
    ...outer,
    structuredContent: { ...outer, kind: "command", ...fields },
  };
}
