// The same programs on the server backend and on the namespace backend: same ends, same bytes.

import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { createNamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import type { Sandbox, SandboxHost } from "../../../src/sandbox/port.ts";
import { type CorpusEntry, corpus, stopped } from "./corpus.ts";
import { never, ran, resources, subjectHost, subjectName, templateOf } from "./servers.ts";

/** What may differ, and why. Every entry is applied to both sides before they are compared. */
const allowedDifferences: readonly { readonly reason: string; readonly same: (text: string) => string }[] = [
  {
    reason: "addresses of objects and process ids are the machine's own",
    same: (text) =>
      text
        .replace(/0x[0-9a-f]{6,}/g, "0x…")
        .replace(/\bpid \d+/g, "pid …")
        .replace(/\(node:\d+\)/g, "(node:…)"),
  },
  {
    reason: "the homes of the images are their own (/home/python-user/work, /home/node/work, /home/user)",
    same: (text) => text.replace(/\/home\/(?:python-user\/work|node\/work|user)/g, "~"),
  },
  {
    reason: "the runner's file, which may stand in a traceback, is in another folder",
    same: (text) => text.replace(/\/(?:run\/msb|tmp\/\.msb-\w+)\//g, "/runner/"),
  },
  {
    reason:
      "Node is ended in the middle of execSync, or tells of the child that was ended before: whichever comes first",
    same: (text) =>
      text.replace(/^cell-\d+:\d+\n[\s\S]*\nError: Command failed: [\s\S]*\n(?=Uncaught Error: Script exec)/, ""),
  },
];

const normal = (text: string) => allowedDifferences.reduce((now, { same }) => same(now), text);

function namespaceHost(): SandboxHost {
  return createNamespaceHost({ volumes: [], stateDir: "/differential", clock: patientClock, emit: () => {} });
}

/** What the interpreter is, to the precision in which its messages stay the same. */
const versionOf = {
  python: "import sys; print(sys.version_info[:2])",
  node: "console.log(process.versions.node.split('.')[0])",
};

/** What holds over versions of an interpreter: which errors there were, not how they are told. */
function errorsIn(stderr: string): readonly string[] {
  return [...new Set(stderr.match(/\b[A-Z]\w*(?:Error|Exception|Interrupt|Warning|Exit)\b/g))].sort();
}

/** On a busy machine an interrupt may take its time: what is done to code that does not obey comes late enough not to be what ended it. */
const patientClock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms * 3, signal) };

async function outcome(sandbox: Sandbox, { kind, source }: CorpusEntry, stop: boolean) {
  const caller = new AbortController();
  const onOutput = () => {
    // A moment later, so that it is not the printing that is interrupted.
    if (stop) setTimeout(() => caller.abort(), 400);
  };
  const { end, stdout, stderr } = await ran(sandbox, kind, source, { signal: stop ? caller.signal : never, onOutput });
  const result = end.result === null ? null : normal(end.result);
  // Which files have been changed is not told of commands on a server.
  return { ...end, changes: undefined, result, stdout: normal(stdout), stderr: normal(stderr) };
}

type Outcome = Awaited<ReturnType<typeof outcome>>;

for (const language of ["python", "node"] as const) {
  describe(`${language} on ${subjectName} and in a namespace`, () => {
    test("the corpus is large enough to mean something", () => {
      expect(corpus[language].length + stopped[language].length).toBeGreaterThan(60);
    });

    test("every program and command line ends the same way with the same output", async () => {
      await using server = await subjectHost({}, patientClock);
      await using namespace = await namespaceHost();
      const spec = () => ({ sessionId: `session-${crypto.randomUUID()}`, template: templateOf(language), resources });
      await using here = await namespace.create(spec(), never);
      await using there = await server.create(spec(), never);
      const version = async (sandbox: Sandbox) => (await ran(sandbox, "code", versionOf[language])).stdout;
      const isSameVersion = (await version(here)) === (await version(there));
      const differences: unknown[] = [];
      const entries = [
        ...corpus[language].map((entry) => ({ entry, stop: false })),
        ...stopped[language].map((entry) => ({ entry, stop: true })),
      ];
      for (const { entry, stop } of entries) {
        const [expected, received] = [await outcome(here, entry, stop), await outcome(there, entry, stop)];
        const told = (one: Outcome) => (isSameVersion ? one : { ...one, stderr: errorsIn(one.stderr) });
        if (!Bun.deepEquals(told(expected), told(received))) {
          differences.push({ source: entry.source.slice(0, 200), namespace: expected, server: received });
        }
      }
      expect(differences).toEqual([]);
    }, 180_000);

    test("code and commands have the same user, whichever that is, and can write where they are", async () => {
      await using server = await subjectHost();
      const spec = { sessionId: `session-${crypto.randomUUID()}`, template: templateOf(language), resources };
      await using sandbox = await server.create(spec, never);
      const uid = { python: "import os; print(os.getuid())", node: "console.log(process.getuid())" }[language];
      const { stdout } = await ran(sandbox, "command", "id -u");
      expect(stdout).toMatch(/^\d+\n$/);
      expect((await ran(sandbox, "code", uid)).stdout).toBe(stdout);
      expect((await ran(sandbox, "command", "test -w . && echo yes")).stdout).toBe("yes\n");
    }, 60_000);
  });
}
