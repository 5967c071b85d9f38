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
};

/** The arguments of a run beside its source; `maxTimeoutSeconds` is the longest time a call may ask for. */
export function runArguments(defaults: RunDefaults, maxTimeoutSeconds: number) {
  const { templates, flavors, defaultFlavor, executionTimeoutMs } = defaults;
  const sizes = flavorNames
    .map((name) => `${name} = ${flavors[name].cpus} CPU, ${flavors[name].memoryMib} MB`)
    .join("; ");
  const defaultTimeoutSeconds = defaultTimeoutMs(executionTimeoutMs, maxTimeoutSeconds) / 1000;
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
        maximum: maxTimeoutSeconds,
        description: `Seconds the run may take. Default: ${defaultTimeoutSeconds}.`,
      }),
    ),
  };
}

/** The time of a run that names none: the configured one, as far as the tool allows it. Milliseconds. */
export function defaultTimeoutMs(executionTimeoutMs: number, maxTimeoutSeconds: number): number {
  return Math.min(executionTimeoutMs, maxTimeoutSeconds * 1000);
}
