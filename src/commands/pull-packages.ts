// The half of `msb-mcp pull` that builds the packages of templates, in sandboxes of the backend that `serve` would take.

import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import { cacheBytesOfOne } from "../config/callers.ts";
import type { Config, OptionName } from "../config/options.ts";
import type { Emit } from "../events.ts";
import { causeOf, Failure } from "../failure.ts";
import { onlyCaller } from "../http/auth/only-caller.ts";
import { isLoopback } from "../http/authority.ts";
import { whyNoLayers } from "../sandbox/layers/open.ts";
import { openHost } from "../sandbox/open.ts";
import type { Template } from "../sandbox/templates.ts";
import { openStateDir } from "../state/installation.ts";

export type BuildPackagesOptions = {
  readonly config: Config;
  readonly given: ReadonlySet<OptionName>;
  /** Those that have packages. */
  readonly templates: readonly Template[];
  readonly clock: Clock;
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
};

/** The exit status. Packages that fail do not keep those of others from being built. Throws as `openHost` does. */
export async function buildPackages(options: BuildPackagesOptions): Promise<0 | 1 | 2> {
  const { config, given, templates, clock, write, signal } = options;
  const emit: Emit = (event) => {
    if (event.type === "layer.removed")
      write(`${event.template}: its packages were removed: all may have ${event.maxBytes} bytes`);
    if (event.type === "template.refused") write(`${event.template}: ${event.reason}`);
  };
  await openStateDir(config.stateDir);
  await using stack = new AsyncDisposableStack();
  const opened = await openHost(
    {
      settings: { ...config, templates },
      // An installation of its own: a server of this state directory that runs now would take the sandbox for one that nobody has.
      installationId: randomBytes(8).toString("hex"),
      isServerUrlGiven: given.has("serverUrl"),
      isRuntimeDirGiven: given.has("runtimeDir"),
      cacheBytesOfOne: cacheBytesOfOne(config, onlyCaller(config) !== undefined),
      isLoopback: config.transport === "stdio" || isLoopback(config.host),
      ...{ clock, emit },
    },
    stack,
  );
  const why = whyNoLayers(opened.choice.backend);
  if (why !== undefined) {
    write(`the ${opened.choice.backend} backend has no packages of templates: ${why}`);
    return 2;
  }
  let status: 0 | 1 = 0;
  for (const template of templates) {
    const { name } = template;
    try {
      const { facts } = await opened.layers.of(template, { onProgress: (line) => write(`${name}: ${line}`), signal });
      const { packages, bytes, interpreter } = facts;
      write(
        `${name}: ready (${packages.length} package${packages.length === 1 ? "" : "s"}, ${Math.ceil(bytes / 1e6)} MB, for ${interpreter.executable} ${interpreter.version})`,
      );
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      status = 1;
      write(`${name}: failed: ${error.what}`);
      const cause = causeOf(error);
      if (cause !== undefined) write(`${name}: ${cause}`);
    }
  }
  return status;
}
