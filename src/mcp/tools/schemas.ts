// The arguments that more than one tool takes.

import type { TUnsafe } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import { type Flavor, type Flavors, flavorNames } from "../../sandbox/flavors.ts";
import { namesOf } from "../../sandbox/packages.ts";
import { defaultTemplate, type Template } from "../../sandbox/templates.ts";
import { headerAnnotation } from "../param-headers.ts";

/** A string out of a list. `enum` reads better to models than TypeBox's union of literals. */
export function oneOf<T extends string>(values: readonly T[], description: string): TUnsafe<T> {
  return Type.Unsafe<T>({ type: "string", enum: values, description });
}

/** Clients of 2026-07-28 send it as the header `Mcp-Param-Session-Id` too. */
export const sessionHeader = { [headerAnnotation]: "Session-Id" };

export type RunDefaults = {
  readonly templates: readonly Template[];
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
  readonly executionTimeoutMs: number;
  readonly maxExecutionTimeoutMs: number;
  /** How long an agent's call that names no `wait` waits for its run. */
  readonly executionWaitMs: number;
};

/** The arguments of a run beside its source. */
export function runArguments(defaults: RunDefaults) {
  const { templates, flavors, defaultFlavor, executionTimeoutMs, maxExecutionTimeoutMs, executionWaitMs } = defaults;
  const sizes = flavorNames
    .map((name) => `${name} = ${flavors[name].cpus} CPU, ${flavors[name].memoryMib} MB`)
    .join("; ");
  return {
    template: Type.Optional(
      oneOf(
        templates.map((template) => template.name),
        `What a new sandbox has installed. Default: ${defaultTemplate(templates)}.${tellPackages(templates)}`,
      ),
    ),
    flavor: Type.Optional(oneOf(flavorNames, `${sizes}. Default: ${defaultFlavor}.`)),
    session_id: Type.Optional(
      Type.String({
        ...sessionHeader,
        description: "From an earlier result; leave out template and flavor then. Without it a new session is started.",
      }),
    ),
    timeout: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxExecutionTimeoutMs / 1000,
        description: `Seconds the run may take. Default: ${executionTimeoutMs / 1000}.`,
      }),
    ),
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: maxExecutionTimeoutMs / 1000,
        description:
          `Seconds to wait for its end; default: ${executionWaitMs / 1000}, in bare JSON-RPC to the end. A run that takes longer goes on: see get_execution. ` +
          "0: answer at once, as for a server.",
      }),
    ),
    stdin: Type.Optional(
      Type.Boolean({ description: "true: keep standard input open for control_execution. Default: empty." }),
    ),
  };
}

/** How many packages a template is told by, and how many characters all templates may take: both tools say it, and every client reads it. */
const packagesTold = 8;
const maxToldLength = 240;

/** The first that were asked for; the rest is a resource. */
function tellPackages(templates: readonly Template[]): string {
  const told = templates.flatMap(({ name, packages }) => {
    const names = packages === undefined ? [] : namesOf(packages);
    const more = names.length > packagesTold ? " …" : "";
    return names.length === 0 ? [] : ` ${name}: ${names.slice(0, packagesTold).join(", ")}${more}.`;
  });
  const text = told.join("");
  return text.length > maxToldLength ? `${text.slice(0, maxToldLength - 1)}…` : text;
}
