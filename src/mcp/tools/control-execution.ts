// control_execution: input and signals for a run that is on.

import { Type } from "@sinclair/typebox";
import { Failure } from "../../failure.ts";
import type { RunSignal } from "../../sandbox/port.ts";
import { defineTool, type Tool } from "../tool.ts";
import type { ExecutionTool } from "./get-execution.ts";
import { lookAt } from "./look.ts";
import { oneOf } from "./schemas.ts";
import { tellExecution } from "./told-execution.ts";

const signals: readonly RunSignal[] = ["interrupt", "terminate", "kill"];

/** Text for one call; a program that reads more is sent it in several. Characters. */
const maxInputLength = 1024 * 1024;
/** How long an answer waits for what the program does about a signal or an input, at most. Milliseconds. */
const settleMs = 1000;
/** How long input waits for a run that has not started, as one whose sandbox still boots. Milliseconds. */
const startMs = 30_000;

export function controlExecution(options: ExecutionTool): Tool {
  const { sessions, maxOutputBytes } = options;
  const input = Type.Object(
    {
      execution_id: Type.String({ description: "From a run's result." }),
      input: Type.Optional(
        Type.String({
          maxLength: maxInputLength,
          description: "Text for its standard input, if started with stdin: true. A line ends with a line break.",
        }),
      ),
      close_input: Type.Optional(Type.Boolean({ description: "true: its standard input ends, after input." })),
      signal: Type.Optional(
        oneOf(signals, "To all its processes: Ctrl-C, SIGTERM, SIGKILL. Code loses its variables by the last two."),
      ),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "control_execution",
      title: "Control execution",
      description: "Sends input or a signal to a run that is still on; returns its state and what it writes then.",
      input,
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
      call: async ({ execution_id, input: text, close_input = false, signal }, context) => {
        const execution = sessions.execution(context.principal, execution_id);
        if (text === undefined && !close_input && signal === undefined) throw nothingAsked();
        const offset = execution.output.spool.counts.all;
        if (text !== undefined || close_input) {
          await sessions.untilInputCan(execution, startMs, context.signal);
          await sessions.giveInput(execution, text, close_input, settleMs);
        }
        if (signal !== undefined) execution.send(signal);
        const isAnswered = () => signal === undefined && execution.output.spool.counts.all > offset;
        await sessions.waitFor(execution, isAnswered, settleMs, context.signal);
        const seen = await lookAt(execution, { offset }, maxOutputBytes, context.signal);
        return tellExecution(execution, seen, context);
      },
    },
    options.toolErrors,
  );
}

function nothingAsked(): Failure {
  const what = "nothing is to be done: input is empty or left out, close_input is not true, and signal is left out.";
  return new Failure("invalid_arguments", what, {
    context: { fields: [{ field: "input" }, { field: "close_input" }, { field: "signal" }] },
    advice: ['Give one of them (an empty line is the input "\\n"), or look at the run with get_execution.'],
  });
}
