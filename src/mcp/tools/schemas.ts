// The arguments that more than one tool takes.

import type { TUnsafe } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import { type Flavor, type Flavors, flavorNames } from "../../sandbox/flavors.ts";
import { defaultTemplate, type Template } from "../../sandbox/templates.ts";

/** A string out of a list. `enum` reads better to models than TypeBox's union of literals. */
export function oneOf<T extends string>(values: readonly T[], description: string): TUnsafe<T> {
  return Type.Unsafe<T>({ type: "string", enum: values, description });
}

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
        `What the sandbox has installed. Default for a new session: ${defaultTemplate(templates)}. Leave out with session_id.`,
      ),
    ),
    flavor: Type.Optional(
      oneOf(flavorNames, `Size of the sandbox: ${sizes}. Default: ${defaultFlavor}. Leave out with session_id.`),
    ),
    session_id: Type.Optional(
      Type.String({ description: "Session to run in, as an earlier call returned it. Leave out to start a new one." }),
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
          `Seconds to wait for the end; default: ${executionWaitMs / 1000}. A run that is not over by then goes on: look at it with ` +
          "get_execution. 0 starts it and answers at once.",
      }),
    ),
    stdin: Type.Optional(
      Type.Boolean({ description: "true: standard input stays open for control_execution. Default: it is empty." }),
    ),
  };
}
