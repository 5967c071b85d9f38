// What each tool answers, as docs/reference/tools.md tells it: the fields of its structuredContent, and one call with its result.
// test/docs/tools.test.ts holds both against what a server really answers.

import { type TObject, Type } from "@sinclair/typebox";
import { flavorNames } from "../../src/sandbox/flavors.ts";
import { sessionStates } from "../../src/watch/metrics-table.ts";

export type ToolAnswer = {
  /** Of the result's structuredContent. */
  readonly result: TObject;
  readonly example: {
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly result: Readonly<Record<string, unknown>>;
  };
};

const closed = { additionalProperties: false } as const;
const sessionId = "session-k3f7q-4nwc8r2hd5xjv9tb6m3p7sgy";
const executionId = "execution-k3f7q-9w2mxh5tqd7bn4rkc8vjz6ps";
const otherId = "session-k3f7q-7tq2m9xk4bdw6hc8n5r3vjps";

const sessionField = Type.String({ description: "the session that it ran in; pass it on in the next call" });

const executionField = Type.String({ description: "of this run, for get_execution and control_execution" });

const run = Type.Object(
  {
    session_id: sessionField,
    session_created: Type.Boolean({ description: "the call named no session, and this one was started" }),
    execution_id: executionField,
    status: Type.Literal("ended", { description: "one that goes on has less: see [long runs](../executions.md)" }),
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
    notices: Type.Optional(Type.Array(Type.String(), { description: "what the backend has to say of this run" })),
  },
  closed,
);

const kinds = ["code", "command"] as const;
const states = ["queued", "running", "ended"] as const;

const execution = Type.Object(
  {
    execution_id: Type.String(),
    kind: among(kinds),
    source: Type.String(),
    status: among(states),
    ended: Type.Optional(Type.String()),
    started_at: Type.Optional(Type.String()),
    ended_at: Type.Optional(Type.String()),
    output_bytes: Type.Integer(),
  },
  closed,
);

const looked = Type.Object(
  {
    execution_id: Type.String(),
    session_id: Type.String(),
    kind: among(kinds),
    status: among(states),
    waits_for: Type.Optional(Type.String({ description: "what a queued one waits for" })),
    ended: Type.Optional(Type.String({ description: "as in the result of a run, or `failed`, with a `message`" })),
    success: Type.Optional(Type.Boolean({ description: "once it has ended, as the five below" })),
    message: Type.Optional(Type.String()),
    result: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    exit_code: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
    signal: Type.Optional(Type.String()),
    execution_time_ms: Type.Optional(Type.Integer()),
    interpreter_restarted: Type.Optional(Type.Literal(true)),
    started_at: Type.Optional(Type.String()),
    ended_at: Type.Optional(Type.String()),
    stream: among(["all", "stdout", "stderr"]),
    output: Type.String({ description: "what was asked for of its output" }),
    offset: Type.Optional(Type.Integer({ description: "where `output` begins" })),
    next_offset: Type.Integer({ description: "where to go on" }),
    unit: among(["bytes", "lines"], "of both"),
    has_more: Type.Boolean({ description: "there is more behind it now" }),
    matches: Type.Optional(Type.Integer({ description: "of a search" })),
    stdout_bytes: Type.Integer({ description: "what can be read" }),
    stderr_bytes: Type.Integer(),
    notices: Type.Optional(Type.Array(Type.String(), { description: "what of its output is missing" })),
  },
  closed,
);

const session = Type.Object(
  {
    session_id: Type.String(),
    template: Type.String(),
    flavor: among(flavorNames),
    status: among(sessionStates),
    created_at: Type.String(),
    last_accessed: Type.String(),
    expires_at: Type.String(),
    executions: Type.Integer(),
    running: Type.Optional(Type.Array(execution)),
    last_execution: Type.Optional(execution),
  },
  closed,
);

const shownExecution = {
  execution_id: executionId,
  kind: "code",
  source: "x = 41",
  status: "ended",
  ended: "exited",
  started_at: "2026-11-24T10:00:00.000Z",
  ended_at: "2026-11-24T10:00:00.012Z",
  output_bytes: 9,
};

export const toolAnswers: Readonly<Record<string, ToolAnswer>> = {
  execute_code: {
    result: run,
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
  get_execution: lookedAt({ execution_id: executionId, offset: 6 }, "42\n"),
  control_execution: lookedAt({ execution_id: executionId, input: "Ada\n" }, "Hello, Ada\n"),
  get_sessions: {
    result: Type.Object(
      { sessions: Type.Array(session, { description: "yours, each with the fields of the example" }) },
      closed,
    ),
    example: {
      arguments: {},
      result: plain({
        sessions: [
          {
            session_id: sessionId,
            template: "python",
            flavor: "small",
            status: "ready",
            created_at: "2026-11-24T10:00:00.000Z",
            last_accessed: "2026-11-24T10:00:00.000Z",
            expires_at: "2026-11-24T10:30:00.000Z",
            executions: 1,
          },
        ],
      }),
    },
  },
  stop_session: {
    result: Type.Object(
      {
        success: Type.Boolean({ description: "it was active, and its sandbox is gone now" }),
        session_id: Type.String({ description: "as it was given" }),
        reason: Type.Optional(
          Type.String({
            description:
              "why nothing was stopped: [how the session had ended](../operate.md#why-a-session-ended), `unknown`, `mistyped` or `foreign`; `stopping` if its sandbox has not ended after 30 s",
          }),
        ),
        message: Type.Optional(Type.String({ description: "the same as a sentence" })),
        at: Type.Optional(Type.String({ description: "when it had ended, if that is known" })),
      },
      closed,
    ),
    example: {
      arguments: { session_id: otherId },
      result: plain({
        success: false,
        session_id: otherId,
        reason: "stopped",
        message: `Nothing was stopped: ${otherId} was stopped 4 minutes ago.`,
        at: "2026-11-24T09:56:00.000Z",
      }),
    },
  },
  get_volume_path: {
    result: Type.Object(
      {
        volume_mappings: Type.Array(
          Type.Object({ host_path: Type.String(), container_path: Type.String(), read_only: Type.Boolean() }, closed),
          { description: "folders of `--shared-volume`, each with the fields of the example" },
        ),
      },
      closed,
    ),
    example: {
      arguments: {},
      result: plain({
        volume_mappings: [{ host_path: "/srv/data", container_path: "/data", read_only: true }],
      }),
    },
  },
};

function plain(object: Readonly<Record<string, unknown>>) {
  return {
    ...object,
    content: [{ type: "text", text: JSON.stringify(object) }],
    isError: false,
    structuredContent: object,
  };
}

function among(values: readonly string[], description = "") {
  return Type.Union(
    values.map((value) => Type.Literal(value)),
    { description },
  );
}
