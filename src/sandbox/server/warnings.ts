// What the operator is warned of: what stays behind on the microsandbox server, and what makes it slow.

import type { SandboxState } from "./inquiry.ts";

export function narrowKey(namespace: string, count: number): string {
  return (
    `The API key in MSB_API_KEY is good for the namespace ${namespace} only: all sandboxes share it, so that starts wait for one ` +
    `another and every call reads up to ${count + 1} names. A key for every namespace (\`msb server keygen\`) is faster.`
  );
}

export function uncleared(sandbox: string, installation: string): string {
  return (
    `The files of ${sandbox} could not be cleared on the microsandbox server, so its name is not used again. ` +
    "Each name that the server knows makes it slower; stop this server and remove the namespaces that begin with " +
    `msb-${installation} from its folder now and then.`
  );
}

export function notEndedYet(sandbox: string, state: SandboxState): string {
  return `The sandbox ${sandbox} has not ended on the microsandbox server yet: ${delays[state]}. Its place stays taken, and it is asked to end until it has.`;
}

export function notStopped(sandbox: string): string {
  return `The sandbox ${sandbox} could not be stopped on the microsandbox server; it may still run. The next start of this server ends it.`;
}

/** What keeps a sandbox from ending. */
const delays: Readonly<Record<SandboxState, string>> = {
  running: "the server calls it running",
  ended: "it has just ended",
  unreachable: "the server cannot be reached",
  slow: "the server is slow to answer",
  refused: "the server refuses the API key",
  unknown: "the server does not say what became of it",
};
