// Whether what a call asks for is there, and is what its session has.

import { Failure } from "../failure.ts";
import type { Template } from "../sandbox/templates.ts";

/** Throws Failure `invalid_arguments` for a name that no template has. */
export function findTemplate(templates: readonly Template[], name: string): Template {
  const template = templates.find((candidate) => candidate.name === name);
  if (template !== undefined) return template;
  const known = templates.map((candidate) => candidate.name);
  throw new Failure(
    "invalid_arguments",
    `template is ${JSON.stringify(name)}, and there are only ${known.join(", ")}.`,
    {
      context: { field: "template", value: name, allowed: known },
      advice: [`Use one of: ${known.join(", ")}.`],
    },
  );
}

/** Throws Failure `invalid_arguments` if the call names another one than the session has. */
export function refuseOther(
  field: "template" | "flavor",
  asked: string | undefined,
  has: string,
  sessionId: string,
): void {
  if (asked === undefined || asked === has) return;
  throw new Failure(
    "invalid_arguments",
    `${field} is "${asked}", but ${sessionId} has the ${field} "${has}", which cannot be changed.`,
    {
      context: { field, value: asked, allowed: [has], session_id: sessionId },
      advice: [`Leave ${field} out, or leave session_id out to start a new session.`],
    },
  );
}
