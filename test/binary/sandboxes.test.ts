// The compiled program's sandboxes from outside: whom they reach, which interpreter they have, and packages that are built while somebody calls.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasPip, wheelFolder } from "../sandbox/layers/wheels.ts";
import { secondPython, temporaryFolder } from "../sandbox/namespace/named-interpreters.ts";
import { Executable, type Serving } from "./executable.ts";
import { openHeldRegistry } from "./held-registry.ts";

// With a build of the program, on a busy machine. Milliseconds.
setDefaultTimeout(180_000);

const machine = "host.microsandbox.internal";

type Content = { readonly stdout: string; readonly session_id: string; readonly notices?: readonly string[] };

type Answer = {
  readonly result?: { readonly structuredContent: Content };
  readonly error?: { readonly message: string };
};

describe.skipIf(Bun.which("bwrap") === null)("with bubblewrap", () => {
  let executable: Executable;
  beforeAll(async () => {
    executable = await Executable.build();
  });
  afterAll(async () => {
    await executable[Symbol.asyncDispose]();
  });

  test("a session reaches the host that is allowed, is told by which rule others are refused, and has the Python that is named beside a bash", async () => {
    using folder = temporaryFolder();
    const python = secondPython(folder.path);
    await using allowed = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("reached") });
    await using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("must not be reached") });
    await using server = await executable.serve([
      ...["--network", `allow:${machine}:${allowed.port},api.example.com:443`],
      ...["--interpreter", `python=${python}`],
    ]);
    const reaching = (url: string) => `
import urllib.request
try:
    print(urllib.request.urlopen("${url}", timeout=30).read().decode())
except OSError as error:
    print("refused" if "403" in str(error) else error)`;
    const first = await run(server, "execute_code", { code: reaching(`http://${machine}:${allowed.port}/`) });
    expect(first.stdout).toBe("reached\n");
    const { session_id } = first;
    for (const [url, told] of [
      [
        `http://${machine}:${other.port}/`,
        `refused ${machine}:${other.port}: that port of the machine is not in its list`,
      ],
      ["https://other.example.com/", "refused other.example.com:443: that name is not in its list"],
      ["http://api.example.com/", "refused api.example.com:80: it allows port 443"],
    ]) {
      const ran = await run(server, "execute_code", { code: reaching(`${url}`), session_id });
      expect(ran.stdout).toBe("refused\n");
      expect(ran.notices).toEqual([expect.stringContaining(`${told}`)]);
    }
    const executables = "import sys; print(sys.executable)";
    expect((await run(server, "execute_code", { code: executables, session_id })).stdout).toBe(`${python}\n`);
    const shell = await run(server, "execute_code", {
      code: `kept=here; python3 -c '${executables}'`,
      template: "bash",
    });
    expect(shell.stdout).toBe(`${python}\n`);
    const again = await run(server, "execute_code", { code: "echo $kept", session_id: shell.session_id });
    expect(again.stdout).toBe("here\n");
  });

  test.skipIf(!hasPip)(
    "packages whose build was killed are built anew, once for all who ask meanwhile, however long that takes (pip)",
    async () => {
      using wheels = wheelFolder();
      wheels.add("tinypack", "1.0");
      await using registry = openHeldRegistry(wheels.path);
      const templates = join(wheels.root, "templates.toml");
      writeFileSync(templates, '[tiny]\nlanguage = "python"\nimage = "a:1"\npackages = ["tinypack==1.0"]\n');
      const stateDir = join(wheels.root, "state");
      const flags = [
        ...["--templates", templates, "--state-dir", stateDir],
        ...["--package-index", `python=http://${machine}:${registry.port}/simple`],
      ];
      const folders = () =>
        readdirSync(join(stateDir, "layers"), { withFileTypes: true }).flatMap((entry) =>
          entry.isDirectory() ? [entry.name] : [],
        );
      const asking = { code: "import tinypack; tinypack.say()", template: "tiny" };

      const killed = await executable.serve(flags);
      const lost = run(killed, "execute_code", asking).catch(() => "the server was killed");
      await registry.untilAsked(1);
      await killed.end("SIGKILL");
      expect(await lost).toBe("the server was killed");
      expect(folders()).toEqual([expect.stringMatching(/^building-/)]);

      const startTimeoutS = 5;
      await using server = await executable.serve([...flags, "--sandbox-start-timeout", `${startTimeoutS}`]);
      const calls = [1, 2].map(() => run(server, "execute_code", asking));
      await registry.untilAsked(2);
      const waits = Promise.withResolvers<void>();
      const pull = ["pull", "--backend", "namespace", "--template", "tiny", ...flags];
      const pulled = executable.run(pull, {}, (text) => {
        if (text.includes("tiny: waiting for the packages of tiny, which another process builds\n")) waits.resolve();
      });
      await Promise.race([waits.promise, pulled]);
      // What is shown is that this time is over while they wait.
      await Bun.sleep(startTimeoutS * 1000 + 500);
      registry.release();
      for (const { stdout } of await Promise.all(calls)) expect(stdout).toBe("tinypack 1.0\n");
      const { status, stdout } = await pulled;
      expect(stdout).toContain("which another process builds\n");
      expect({ status, last: stdout.trim().split("\n").at(-1) }).toEqual({
        status: 0,
        last: expect.stringMatching(/^tiny: ready \(1 package, /),
      });
      expect(registry.asked()).toBe(2);
      expect(folders()).toEqual([expect.stringMatching(/^[0-9a-f]+-[0-9a-f]+$/)]);
    },
  );
});

/** As a program calls, which waits to the end. Throws what is an error. */
async function run({ url }: Serving, name: string, args: Readonly<Record<string, unknown>>): Promise<Content> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body });
  const { result, error } = (await answer.json()) as Answer;
  if (result === undefined) throw new Error(error?.message);
  return result.structuredContent;
}
