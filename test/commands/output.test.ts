// A command whose reader leaves, or whose output has nowhere to go, ends as one that is read to its end.

import { expect, test } from "bun:test";
import { join } from "node:path";

const main = join(import.meta.dir, "../../src/main.ts");

async function shell(line: string) {
  const child = Bun.spawn(["bash", "-c", line, "bash", process.execPath, main], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, status };
}

test.each(["--help", "list", "completions zsh", "doctor --help"])(
  "%s ends quietly when its reader has left",
  async (command) => {
    const { stdout, stderr } = await shell(`"$@" ${command} | true; echo "\${PIPESTATUS[0]}"`);
    expect({ stdout, stderr }).toEqual({ stdout: "0\n", stderr: "" });
  },
);

test.skipIf(process.platform !== "linux")(
  "output that a full disk does not take is told, with a status of its own",
  async () => {
    const { stderr, status } = await shell('"$@" --help >/dev/full');
    expect({ stderr, status }).toEqual({
      stderr: "msb-mcp: standard output could not be written (ENOSPC)\n",
      status: 1,
    });
  },
);
