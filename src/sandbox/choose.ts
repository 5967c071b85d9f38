// `--backend`: which host makes the sandboxes. `auto` takes the strongest that this machine has, and never one weaker than what was asked for by name.

import { Failure } from "../failure.ts";

export type BackendName = "namespace" | "server" | "microvm" | "cloud";

export type Choice = {
  readonly backend: BackendName;
  /** What people should know before they rely on it; safe to show to anybody. */
  readonly warning: string | undefined;
  /** Why `auto` took no stronger one, a line each, for the operator. */
  readonly passedOver: readonly string[];
};

/** What is missing, a line each with what to do about it; nothing where the backend can be had. */
export type Obstacles = () => Promise<readonly string[]>;

export type ChooseOptions = {
  readonly asked: BackendName | "auto";
  readonly isServerUrlGiven: boolean;
  /** Does a microsandbox server answer at its default address? */
  readonly doesServerAnswer: () => Promise<boolean>;
  readonly microvm: Obstacles;
  readonly cloud: Obstacles;
  readonly isLoopback: boolean;
};

const weakIsolation =
  "Sandboxes are Linux namespaces that share this machine's kernel: good for development, but not a wall against code that attacks the kernel. " +
  "For microVMs, point --server-url at a microsandbox server, or see with `msb-mcp doctor` what this machine lacks for its own.";

/** Throws Failure `configuration` where what was asked for cannot be had, or `auto` finds nothing that it may take. */
export async function chooseBackend(options: ChooseOptions): Promise<Choice> {
  const { asked, isServerUrlGiven, doesServerAnswer, isLoopback } = options;
  switch (asked) {
    case "server":
      return { backend: "server", warning: undefined, passedOver: [] };
    case "namespace":
      return { backend: "namespace", warning: weakIsolation, passedOver: [] };
    case "microvm":
    case "cloud": {
      const obstacles = await options[asked]();
      if (obstacles.length > 0) throw unavailable(asked, obstacles);
      return { backend: asked, warning: undefined, passedOver: [] };
    }
    case "auto":
      break;
  }
  if (isServerUrlGiven || (await doesServerAnswer())) return { backend: "server", warning: undefined, passedOver: [] };
  const passedOver = await options.microvm();
  if (passedOver.length === 0) return { backend: "microvm", warning: undefined, passedOver };
  if (isLoopback) return { backend: "namespace", warning: weakIsolation, passedOver };
  throw new Failure(
    "configuration",
    "--backend auto found no microsandbox server and no way to run microVMs here, and takes namespaces, which share this machine's kernel, on " +
      `loopback addresses only. MicroVMs: ${passedOver.join(" ")}`,
    { advice: ["Or give --server-url, or listen on localhost, or accept the shared kernel with --backend namespace."] },
  );
}

function unavailable(asked: string, obstacles: readonly string[]): Failure {
  return new Failure("configuration", `--backend ${asked} cannot be had here. ${obstacles.join(" ")}`, {
    advice: ["`msb-mcp doctor` tells what can."],
  });
}
