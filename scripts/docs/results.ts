// What each tool answers, as docs/reference/tools.md tells it: the fields of its structuredContent, and one call with its result.
// test/docs/tools.test.ts holds both against what a server really answers.

import { Type } from "@sinclair/typebox";
import { flavorNames } from "../../src/sandbox/flavors.ts";
import { sessionStates } from "../../src/watch/metrics-table.ts";
import { among, closed, executionId, executionKinds, executionStates, sessionId, type ToolAnswer } from "./answers.ts";
import { fileTools } from "./file-answers.ts";
import { runTools } from "./run-answers.ts";

const otherId = "session-k3f7q-7tq2m9xk4bdw6hc8n5r3vjps";

const execution = Type.Object(
  {
    execution_id: Type.String(),
    kind: among(executionKinds),
    source: Type.String(),
    status: among(executionStates),
    ended: Type.Optional(Type.String()),
    started_at: Type.Optional(Type.String()),
    ended_at: Type.Optional(Type.String()),
    output_bytes: Type.Integer(),
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
  source: "x = 41\nprint('hello')",
  status: "ended",
  ended: "exited",
  started_at: "2026-11-24T10:00:00.000Z",
  ended_at: "2026-11-24T10:00:00.012Z",
  output_bytes: 6,
};

const transferUrl = "http://localhost:8000/files/WzEs…Nzld.Zq3v…8wQ";
const transferCommand = `curl -fsS -o ./chart.png ${transferUrl}`;
const transferText = `${transferCommand}\n\nGET, 48213 bytes, until 2026-11-24T11:00:00.000Z or the session's end. Whoever has the URL may use it.`;
const transferred = {
  session_id: sessionId,
  path: "data/chart.png",
  direction: "download",
  url: transferUrl,
  method: "GET",
  command: transferCommand,
  expires_at: "2026-11-24T11:00:00.000Z",
  size_bytes: 48_213,
};

export const toolAnswers: Readonly<Record<string, ToolAnswer>> = {
  ...runTools,
  ...fileTools,
  get_sessions: {
    result: Type.Object(
      {
        sessions: Type.Array(session, { description: "yours, each with the fields of the example" }),
        reason: Type.Optional(
          Type.String({ description: "why the session that was asked for is not active, as in `stop_session`" }),
        ),
        message: Type.Optional(Type.String({ description: "the same as a sentence" })),
        at: Type.Optional(Type.String({ description: "when it had ended, if that is known" })),
      },
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
            last_execution: shownExecution,
          },
        ],
      }),
    },
  },
  transfer_file: {
    result: Type.Object(
      {
        session_id: Type.String(),
        path: Type.String({ description: "as it was given" }),
        direction: among(["upload", "download"]),
        url: Type.String({ description: "permits this transfer, without a token" }),
        method: among(["GET", "PUT"]),
        command: Type.String({ description: "a command line for it, to run where the other copy is" }),
        expires_at: Type.String({ description: "the URL works until then, and not after the session's end" }),
        size_bytes: Type.Optional(Type.Integer({ description: "of the file that is there" })),
        max_bytes: Type.Optional(Type.Integer({ description: "of an upload, at most" })),
      },
      closed,
    ),
    example: {
      arguments: { session_id: sessionId, path: "data/chart.png", direction: "download" },
      result: {
        ...transferred,
        content: [{ type: "text", text: transferText }],
        isError: false,
        structuredContent: transferred,
      },
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
