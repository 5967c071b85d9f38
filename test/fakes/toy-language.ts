// The language that the fake's sandboxes understand, as code and as commands: one instruction a line.
//
//   print TEXT · warn TEXT · value TEXT (prints, and is the result) · set NAME TEXT · get NAME · write FILE TEXT · read FILE
//   fail · exit N · crash N · killed · hog · flood BYTES · forever · stubborn (prints "on") · start NAME (a background process) · processes · vanish
//   None · undefined (nothing)

import type { RunEnd, RunRequest } from "../../src/sandbox/port.ts";

export type ToyMachine = {
  readonly variables: Map<string, string>;
  readonly files: Map<string, string>;
  /** Background processes by name, each with what ends it. */
  readonly processes: Map<string, () => void>;
};

const floodChunkBytes = 64 * 1024;

/** Runs a toy source. `vanish` takes the sandbox away. */
export async function runToy(request: RunRequest, machine: ToyMachine, vanish: () => void): Promise<RunEnd> {
  const isCode = request.kind === "code";
  const before = new Set(machine.processes.keys());
  const encoder = new TextEncoder();
  const say = (stream: "stdout" | "stderr", text: string) => request.onOutput(stream, encoder.encode(text));
  const end = (how: Partial<RunEnd>): RunEnd => {
    if (how.interpreterRestarted) machine.variables.clear();
    return { ended: "exited", success: false, exitCode: null, result: null, interpreterRestarted: false, ...how };
  };
  const interrupted = (restarted: boolean): RunEnd => {
    for (const [name, kill] of machine.processes) {
      if (before.has(name)) continue;
      kill();
      machine.processes.delete(name);
    }
    return end({ ended: "interrupted", interpreterRestarted: isCode && restarted });
  };
  let result: string | null = null;
  for (const line of request.source.split("\n")) {
    // A turn of the event loop a line, so that runs of several sandboxes mix as real ones do.
    await Promise.resolve();
    const [word, rest] = splitOnce(line.trim());
    if (request.signal.aborted && word !== "stubborn") return interrupted(false);
    const [name, text] = splitOnce(rest);
    result = null;
    switch (word) {
      case "":
      case "None":
      case "undefined":
        break;
      case "print":
        say("stdout", `${rest}\n`);
        break;
      case "warn":
        say("stderr", `${rest}\n`);
        break;
      case "value":
        say("stdout", `${rest}\n`);
        result = isCode ? rest : null;
        break;
      case "set":
        machine.variables.set(name, text);
        break;
      case "get": {
        const value = machine.variables.get(name);
        if (value === undefined) {
          say("stderr", `unknown name ${name}\n`);
          return end({ exitCode: isCode ? null : 1 });
        }
        say("stdout", `${value}\n`);
        break;
      }
      case "write":
        machine.files.set(name, text);
        break;
      case "read":
        say("stdout", `${machine.files.get(name) ?? ""}\n`);
        break;
      case "fail":
        say("stderr", "failed\n");
        return end({ exitCode: isCode ? null : 1 });
      case "exit":
        return end({ exitCode: Number(rest), success: Number(rest) === 0 });
      case "crash":
        if (!isCode) return end({ exitCode: Number(rest), success: Number(rest) === 0 });
        return end({ ended: "interpreter_exited", exitCode: Number(rest), interpreterRestarted: true });
      case "killed":
        if (!isCode) return end({ ended: "signaled", ...segfault });
        return end({ ended: "interpreter_exited", ...segfault, interpreterRestarted: true });
      case "hog":
        return end({ ended: "out_of_memory", interpreterRestarted: isCode });
      case "flood": {
        for (let left = Number(rest); left > 0 && !request.signal.aborted; left -= floodChunkBytes) {
          request.onOutput("stdout", new Uint8Array(Math.min(left, floodChunkBytes)).fill(120));
          await new Promise((resolve) => setImmediate(resolve));
        }
        break;
      }
      case "forever":
        await aborted(request.signal);
        return interrupted(false);
      case "stubborn":
        say("stdout", "on\n");
        await aborted(request.signal);
        return interrupted(true);
      case "start":
        machine.processes.set(rest, () => {});
        break;
      case "processes":
        say("stdout", [...machine.processes.keys(), ""].join("\n"));
        break;
      case "vanish":
        vanish();
        return new Promise<never>(() => {});
      default:
        say("stderr", `unknown instruction ${word}\n`);
        return end({ exitCode: isCode ? null : 127 });
    }
  }
  return end({ success: true, exitCode: isCode ? null : 0, result });
}

const segfault = { signal: "SIGSEGV", exitCode: 139 };

function splitOnce(text: string): readonly [string, string] {
  const space = text.indexOf(" ");
  return space < 0 ? [text, ""] : [text.slice(0, space), text.slice(space + 1)];
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
