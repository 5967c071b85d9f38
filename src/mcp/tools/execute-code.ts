// execute_code: run code in an interpreter that keeps its state.

import { Type } from "@sinclair/typebox";
import { defaultTemplate } from "../../sandbox/templates.ts";
import { shownByResultPage } from "../apps/page.ts";
import { defineTool, type Tool } from "../tool.ts";
import { isOpenWorld, tellReach } from "./reach.ts";
import { type RunTool, runAndTell } from "./run.ts";
import { runArguments } from "./schemas.ts";

export function executeCode(options: RunTool): Tool {
  const input = Type.Object(
    {
      code: Type.String({ description: "In the template's language. Top-level await works." }),
      ...runArguments(options),
    },
    { additionalProperties: false },
  );
  return defineTool(
    {
      name: "execute_code",
      title: "Execute code",
      description:
        `Runs ${languagesOf(options)} code in an isolated sandbox and returns what it printed. The value of a last expression is ` +
        "printed too; open matplotlib figures and display(value) come as pictures. Variables, imports and files persist between " +
        `calls with the same session_id; a call without one starts a session, which ends ${idleMinutes(options)} after its last use. ${tellReach(options.reach)} ` +
        "A failure is a result with isError and its traceback; earlier state is kept.",
      input,
      meta: shownByResultPage,
      annotations: {
        readOnlyHint: false,
        destructiveHint: false,
        openWorldHint: isOpenWorld(options.reach),
      },
      call: (args, context) => runAndTell(options, { ...args, kind: "code", source: args.code }, context),
    },
    options.toolErrors,
  );
}

function languagesOf({ templates }: RunTool): string {
  const first = templates.find(({ name }) => name === defaultTemplate(templates));
  const names = [...new Set([...(first === undefined ? [] : [first]), ...templates].map(({ language }) => language))];
  const shown = names.map((name) => ({ python: "Python", node: "Node.js", bash: "bash" })[name]);
  return shown.length < 2 ? shown.join("") : `${shown[0]} (default) or ${shown.slice(1).join(" or ")}`;
}

function idleMinutes({ sessionTimeoutMs }: RunTool): string {
  return `${Math.round(sessionTimeoutMs / 6000) / 10} min`;
}
