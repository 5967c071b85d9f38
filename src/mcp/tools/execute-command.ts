// execute_command: run a command line through a shell.

import { Type } from "@sinclair/typebox";
import { Failure } from "../../failure.ts";
import { shownByResultPage } from "../apps/page.ts";
import { defineTool, type Tool } from "../tool.ts";
import { isOpenWorld, tellReachAgain } from "./reach.ts";
import { type RunTool, runAndTell } from "./run.ts";
import { runArguments } from "./schemas.ts";

export function executeCommand(options: RunTool): Tool {
  const input = Type.Object(
    {
      command: Type.String({ description: "For /bin/sh: pipes, redirections, && and variables work." }),
      ...runArguments(options),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "execute_command",
      title: "Execute command",
      description:
        "Runs a shell command line in an isolated sandbox and returns its output and exit code. With session_id it sees that " +
        "session's files and processes. Each call is a fresh shell in the home folder. " +
        tellReachAgain(options.reach, "execute_code"),
      input,
      meta: shownByResultPage,
      annotations: {
        readOnlyHint: false,
        destructiveHint: false,
        openWorldHint: isOpenWorld(options.reach),
      },
      call: async (args, context) => {
        refuseNul(args.command);
        return await runAndTell(options, { ...args, kind: "command", source: args.command }, context);
      },
    },
    options.toolErrors,
  );
}

/** To Linux it is the end of an argument. */
function refuseNul(command: string): void {
  const at = command.indexOf("\0");
  if (at < 0) return;
  throw new Failure(
    "invalid_arguments",
    `command has a NUL character at position ${at}, which no command line can have.`,
    {
      advice: ["Leave it out, or have printf '\\0' write it."],
      context: { fields: [{ field: "command", allowed: "a string without NUL characters" }] },
    },
  );
}
