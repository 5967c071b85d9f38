// The same programs on the server backend and on the namespace backend: same ends, same bytes.

import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/clock.ts";
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
];

const normal = (text: string) => allowedDifferences.reduce((now, { same }) => same(now), text);

function namespaceHost(): SandboxHost {
  return createNamespaceHost({ volumes: [], stateDir: "/differential", clock: systemClock, emit: () => {} });
}

async function outcome(sandbox: Sandbox, { kind, source }: CorpusEntry, stop: boolean) {
  const caller = new AbortController();
  const onOutput = () => {
    // A moment later, so that it is not the printing that is interrupted.
    if (stop) setTimeout(() => caller.abort(), 150);
  };
  const { end, stdout, stderr } = await ran(sandbox, kind, source, { signal: stop ? caller.signal : never, onOutput });
  const result = end.result === null ? null : normal(end.result);
  return { ...end, result, stdout: normal(stdout), stderr: normal(stderr) };
}

for (const language of ["python", "node"] as const) {
  describe(`${language} on ${subjectName} and in a namespace`, () => {
    test("the corpus is large enough to mean something", () => {
      expect(corpus[language].length + stopped[language].length).toBeGreaterThan(60);
    });

    test("every program and command line ends the same way with the same output", async () => {
      await using server = await subjectHost();
      await using namespace = await namespaceHost();
      const spec = () => ({ sessionId: `session-${crypto.randomUUID()}`, template: templateOf(language), resources });
      await using here = await namespace.create(spec(), never);
      await using there = await server.create(spec(), never);
      const differences: unknown[] = [];
      const entries = [
        ...corpus[language].map((entry) => ({ entry, stop: false })),
        ...stopped[language].map((entry) => ({ entry, stop: true })),
      ];
      for (const { entry, stop } of entries) {
        const [expected, received] = [await outcome(here, entry, stop), await outcome(there, entry, stop)];
        if (!Bun.deepEquals(expected, received)) {
          differences.push({ source: entry.source.slice(0, 200), namespace: expected, server: received });
        }
      }
      expect(differences).toEqual([]);
    }, 180_000);
  });
}
