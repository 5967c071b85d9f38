// The completions of each shell, asked of the real shells.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completions } from "../../src/commands/completions.ts";
import { commands } from "../../src/config/commands.ts";
import { type Option, options } from "../../src/config/options.ts";
import { fencedBlock, root } from "../docs/blocks.ts";
import { debianProgram } from "../packages/debian.ts";

type Ask = {
  /** Beside the folder "state here" and the file "state.toml". */
  readonly cwd: string;
  readonly script: string;
  /** Up to the cursor. */
  readonly line: string;
};

const limits = { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 30_000, killSignal: "SIGKILL" } as const;

const bash = debianProgram("bash", "bash", "completions of bash");
const zsh = debianProgram("zsh", "zsh", "completions of zsh");
const fish = debianProgram("fish", "fish", "completions of fish");

let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "msb-mcp-completions-"));
  await mkdir(join(cwd, "state here"));
  await writeFile(join(cwd, "state.toml"), "");
});

afterAll(async () => {
  await rm(cwd, { recursive: true, force: true });
});

/** What it prints; it must not complain. */
async function said(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const home = { HOME: cwd, XDG_CONFIG_HOME: cwd, XDG_DATA_HOME: cwd, ZDOTDIR: cwd };
  const child = Bun.spawn([...argv], { ...limits, cwd, env: { ...process.env, ...home, ...env } });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect({ status: await child.exited, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

/** As readline asks: the line in words, "=" one of its own. */
async function askBash(path: string, { script, line }: Ask): Promise<readonly string[]> {
  const words = line.split(" ").flatMap((word) => word.split(/(=)/).filter((part, at) => part !== "" || at === 0));
  const ask = `source "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _msb_mcp; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return lines(await said([path, "--norc", "--noprofile", "-c", ask, "bash", ...words], { SCRIPT: script }));
}

async function askFish(path: string, { script, line }: Ask): Promise<readonly string[]> {
  const ask = `source $SCRIPT; complete -C "$LINE"`;
  const offered = lines(await said([path, "--no-config", "-c", ask], { SCRIPT: script, LINE: line }));
  // With an explanation behind a tab.
  return offered.map((it) => it.split("\t")[0] ?? "");
}

/** Zsh completes in a terminal only. What it offers passes through compadd; a widget says when it is done. */
const zshSetup = `
PROMPT='' RPROMPT=''
autoload -Uz compinit && compinit -u -D
source "$SCRIPT"
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)* ]]; then builtin compadd "$@"; return $?; fi
  local -a hits; builtin compadd -A hits "$@"; print -rl -- $hits >>"$ANSWER"
  builtin compadd "$@"
}
show() { print -r -- "<<answered>>" ; }
zle -N show; bindkey '^Xs' show; bindkey '^I' complete-word
print -r -- '<<ready>>'
`;
const zshDriver = `
zmodload zsh/zpty
zpty asked "$ZSH_PATH" -d -i
zpty -r asked text '*<<ready>>*' || exit 1
zpty -w -n asked "$LINE"$'\\t\\x18s'
zpty -r asked text '*<<answered>>*' || exit 1
zpty -d asked
`;

async function askZsh(path: string, { cwd, script, line }: Ask): Promise<readonly string[]> {
  const answer = join(cwd, "answer");
  await writeFile(join(cwd, ".zshrc"), zshSetup);
  await writeFile(answer, "");
  await said([path, "-f", "-c", zshDriver], { SCRIPT: script, LINE: line, ANSWER: answer, ZSH_PATH: path });
  return lines(await Bun.file(answer).text()).map((it) => it.replaceAll(/\\(.)/g, "$1"));
}

function lines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

const shells = [
  { name: "bash", block: "service-completions-bash", path: bash, ask: askBash },
  { name: "zsh", block: "service-completions-zsh", path: zsh, ask: askZsh },
  { name: "fish", block: "service-completions-fish", path: fish, ask: askFish },
] as const;

for (const { name, block: guide, path = "", ask } of shells) {
  describe.skipIf(path === "")(name, () => {
    let script: string;
    const offered = async (line: string) =>
      (await ask(path, { cwd, script, line })).map((it) => it.replace(/[=/]$/, ""));

    beforeAll(async () => {
      script = join(cwd, `completions.${name}`);
      await writeFile(script, completions(name));
    });

    test("what the guide says loads them", async () => {
      const block = await fencedBlock("docs/service.md", guide);
      const bin = join(cwd, "bin");
      const program = `#!/bin/sh\nexec ${process.execPath} ${join(root, "src/main.ts")} "$@"\n`;
      await Bun.write(join(bin, "msb-mcp"), program);
      await chmod(join(bin, "msb-mcp"), 0o755);
      await mkdir(join(cwd, ".config/fish/completions"), { recursive: true });
      const setup = { bash: "", zsh: "autoload -Uz compinit && compinit -u -D", fish: "" }[name];
      const seen = {
        bash: "complete -p msb-mcp",
        zsh: "print $_comps[msb-mcp]",
        fish: "cat ~/.config/fish/completions/msb-mcp.fish",
      }[name];
      const flags = { bash: ["--norc", "--noprofile"], zsh: ["-f"], fish: ["--no-config"] }[name];
      const env = { PATH: `${bin}:${process.env.PATH}` };
      const answer = await said([path, ...flags, "-c", `${setup}\n${block}\n${seen}`], env);
      expect(answer).toContain(name === "fish" ? completions(name) : "_msb_mcp");
    });

    test("every command and every flag is offered", async () => {
      expect((await offered("msb-mcp ")).toSorted()).toEqual(commands.map((it) => it.name).toSorted());
      const flags = Object.values<Option<unknown>>(options).flatMap((it) => it.flag ?? []);
      expect((await offered("msb-mcp --")).toSorted()).toEqual([...flags, "--help", "--version"].toSorted());
    });

    test("the beginning of a flag offers the flags that begin so", async () => {
      expect(await offered("msb-mcp --ba")).toEqual(["--backend"]);
      expect(await offered("msb-mcp serve --enable-c")).toEqual(["--enable-cors"]);
    });

    test("a flag that takes one of some names offers them", async () => {
      const names = ["auto", "cloud", "microvm", "namespace", "server"];
      expect((await offered("msb-mcp --backend ")).toSorted()).toEqual(names);
      expect(await offered("msb-mcp --port 1 --backend na")).toEqual(["namespace"]);
      expect((await offered("msb-mcp --backend=na")).map((it) => it.replace("--backend=", ""))).toEqual(["namespace"]);
    });

    test("a flag that takes a path offers the files that are there, whatever is in their names", async () => {
      expect((await offered("msb-mcp --templates sta")).toSorted()).toEqual(["state here", "state.toml"]);
    });

    test("a flag that takes any text offers nothing", async () => {
      expect(await offered("msb-mcp --port ")).toEqual([]);
    });

    test("a command offers what only it knows", async () => {
      expect(await offered("msb-mcp doctor --js")).toEqual(["--json"]);
      expect(await offered("msb-mcp serve --js")).toEqual([]);
      expect((await offered("msb-mcp completions ")).toSorted()).toEqual(["bash", "fish", "zsh"]);
      expect(await offered("msb-mcp completions z")).toEqual(["zsh"]);
      expect(await offered("msb-mcp serve z")).toEqual([]);
    });
  });
}
