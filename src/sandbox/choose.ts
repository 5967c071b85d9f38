// `--backend`: which host makes the sandboxes. `auto` takes the strongest that this machine has, and never one weaker than what was asked for by name.

import { Failure } from "../failure.ts";

export type BackendName = "namespace" | "server";

export type Choice = {
  readonly backend: BackendName;
  /** What people should know before they rely on it. */
  readonly warning: string | undefined;
};

export type ChooseOptions = {
  readonly asked: BackendName | "auto";
  readonly isServerUrlGiven: boolean;
  /** Does a microsandbox server answer at its default address? */
  readonly doesServerAnswer: () => Promise<boolean>;
  readonly isLoopback: boolean;
};

const weakIsolation =
  "Sandboxes are Linux namespaces that share this machine's kernel: good for development, but not a wall against code that attacks the kernel. " +
  "For microVMs, point --server-url at a microsandbox server.";

/** Throws Failure `configuration` where `auto` finds nothing that it may take. */
export async function chooseBackend(options: ChooseOptions): Promise<Choice> {
  const { asked, isServerUrlGiven, doesServerAnswer, isLoopback } = options;
  if (asked === "server") return { backend: "server", warning: undefined };
  if (asked === "namespace") return { backend: "namespace", warning: weakIsolation };
  if (isServerUrlGiven || (await doesServerAnswer())) return { backend: "server", warning: undefined };
  if (isLoopback) return { backend: "namespace", warning: weakIsolation };
  throw new Failure(
    "configuration",
    "--backend auto found no microsandbox server, and takes namespaces, which share this machine's kernel, on loopback addresses only.",
    { advice: ["Give --server-url, or listen on localhost, or accept the shared kernel with --backend namespace."] },
  );
}
