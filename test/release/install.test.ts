// install.sh, run against a web server on the loopback interface: whatever goes wrong, what was installed before is still there, and nothing
// else is.

import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { type RunOptions, root, run, scratch } from "./scratch.ts";
import { type Site, startSite } from "./site.ts";

const script = join(root, "install.sh");
const archiveName = "msb-mcp-linux-x64.tar.gz";
// What cannot be compressed, so that the archive is bigger than the small disk below.
const ballast = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)))
  .toString("base64")
  .repeat(2);
const program = `#!/bin/sh\necho "msb-mcp 1.2.3"\nexit\n${ballast}\n`;
const oldProgram = "#!/bin/sh\necho an older one\n";

/** A machine with a release to be had, a processor that it is for, and an older msb-mcp. */
async function machine(options: { readonly program?: string; readonly system?: string; readonly cpu?: string } = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratch());
  const fakes = join(path, "fakes");
  const dir = join(path, "bin");
  await mkdir(dir);
  await writeFile(join(dir, "msb-mcp"), oldProgram);
  await mkdir(join(path, "release"));
  const site = stack.use(await startSite(join(path, "release"), options.program ?? program));
  await Bun.write(
    join(fakes, "uname"),
    `#!/bin/sh\n[ "$1" = -s ] && echo '${options.system ?? "Linux"}' || echo '${options.cpu ?? "x86_64"}'\n`,
  );
  await chmod(join(fakes, "uname"), 0o755);
  const env = { PATH: `${fakes}:${process.env.PATH}`, HOME: path, MSB_MCP_BASE_URL: site.baseUrl };
  return {
    ...{ path, dir, site, env, fakes },
    install: (argv: readonly string[] = ["--dir", dir], more: RunOptions = {}, shell: readonly string[] = ["sh"]) =>
      run([...shell, script, ...argv], { ...more, env: { ...env, ...more.env } }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function expectUntouched(dir: string): Promise<void> {
  expect(await readdir(dir)).toEqual(["msb-mcp"]);
  expect(await readFile(join(dir, "msb-mcp"), "utf8")).toBe(oldProgram);
}

const shells = [["dash"], ["bash", "--posix"], ["busybox", "sh"]] as const;

for (const shell of shells) {
  const isHere = Bun.which(shell[0]) !== null;
  test.skipIf(!isHere)(
    `${shell.join(" ")} installs the program in the place of an older one, and leaves nothing else`,
    async () => {
      await using it = await machine();
      const { status, stderr } = await it.install(undefined, {}, shell);
      expect({ status, stderr }).toMatchObject({ status: 0 });
      expect(stderr).toContain(`Installed msb-mcp 1.2.3 as ${it.dir}/msb-mcp`);
      expect(await readdir(it.dir)).toEqual(["msb-mcp"]);
      expect(await run([join(it.dir, "msb-mcp"), "--version"])).toMatchObject({ stdout: "msb-mcp 1.2.3\n" });
    },
  );
}

test("read from a pipe it makes ~/.local/bin, and says that the folder is not in PATH", async () => {
  await using it = await machine();
  const piped = await run(["sh"], { stdin: Bun.file(script), env: it.env });
  const dir = join(it.path, ".local/bin");
  expect(piped).toMatchObject({ status: 0, stdout: "" });
  expect(piped.stderr).toContain(`${dir} is not in PATH. Add it: export PATH=${dir}:"$PATH"`);
  expect(await readdir(dir)).toEqual(["msb-mcp"]);
  const told = await it.install([], { env: { PATH: `${it.fakes}:${process.env.PATH}:${dir}` } });
  expect(told.stderr).not.toContain("is not in PATH");
});

test("a version that is asked for is the one that is downloaded", async () => {
  await using it = await machine();
  for (const path of it.site.files.keys()) if (path.startsWith("/latest")) it.site.files.delete(path);
  expect(await it.install(["--dir", it.dir, "--version", "v1.2.3"])).toMatchObject({ status: 0 });
  expect(await it.install(["--dir", it.dir])).toMatchObject({ status: 1 });
});

const hasOthers = Bun.which("wget") !== null && Bun.which("openssl") !== null;

test.skipIf(!hasOthers)("without curl it takes wget, and openssl where nothing else computes sums", async () => {
  await using it = await machine();
  const tools = join(it.path, "tools");
  await mkdir(tools);
  const names = [
    "sh",
    "wget",
    "tar",
    "gzip",
    "mktemp",
    "mkdir",
    "rm",
    "mv",
    "chmod",
    "cat",
    "df",
    "awk",
    "head",
    "openssl",
    "tr",
  ];
  for (const name of names) await symlink(Bun.which(name) ?? `/missing/${name}`, join(tools, name));
  const { status, stderr } = await it.install(undefined, { env: { PATH: `${it.fakes}:${tools}` } }, [
    join(tools, "sh"),
  ]);
  expect({ status, stderr }).toMatchObject({ status: 0 });
});

type Wrong = {
  readonly what: string;
  readonly told: string;
  readonly spoil: (site: Site) => unknown;
  readonly machine?: Parameters<typeof machine>[0];
};

const inRelease = (name: string) => `/latest/download/${name}`;
const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
const encoded = (text: string) => new TextEncoder().encode(text);

const wrongs: readonly Wrong[] = [
  {
    what: "an archive with another sum",
    told: `${archiveName} is not what its release says`,
    spoil: ({ files }) => files.set(inRelease(archiveName), encoded("something else")),
  },
  {
    what: "a part of an archive, with the sum of that part",
    told: `${archiveName} is not a whole archive with msb-mcp in it`,
    spoil: ({ files }) => {
      const part = (files.get(inRelease(archiveName)) ?? new Uint8Array()).subarray(0, 30_000);
      files.set(inRelease(archiveName), part);
      files.set(inRelease("SHA256SUMS"), encoded(`${sha256(part)}  ${archiveName}\n`));
    },
  },
  {
    what: "an archive that has no sum",
    told: `has no sum of ${archiveName}`,
    spoil: ({ files }) => files.set(inRelease("SHA256SUMS"), encoded(`${"0".repeat(64)}  another\n`)),
  },
  {
    what: "a release without sums",
    told: "SHA256SUMS could not be downloaded",
    spoil: ({ files }) => files.delete(inRelease("SHA256SUMS")),
  },
  {
    what: "a release without an archive for this machine",
    told: `${archiveName} could not be downloaded`,
    spoil: ({ files }) => files.delete(inRelease(archiveName)),
  },
  {
    what: "a download that ends half-way",
    told: `${archiveName} could not be downloaded`,
    spoil: (site) => site.breakAt(archiveName, "cut"),
  },
  {
    what: "a program that does not start here",
    told: "does not start on this machine: no libstdc++ here",
    spoil: () => {},
    machine: { program: "#!/bin/sh\necho no libstdc++ here\nexit 127\n" },
  },
  {
    what: "an operating system without a build",
    told: "There is no build of msb-mcp for FreeBSD on x86_64",
    spoil: () => {},
    machine: { system: "FreeBSD" },
  },
  {
    what: "a processor without a build",
    told: "There is no build of msb-mcp for Linux on riscv64",
    spoil: () => {},
    machine: { cpu: "riscv64" },
  },
  {
    what: "Windows",
    told: "msb-mcp-windows-x64.zip",
    spoil: () => {},
    machine: { system: "MINGW64_NT-10.0" },
  },
];

for (const { what, told, spoil, machine: of } of wrongs) {
  test(`${what} is refused with the reason, and the older program stays`, async () => {
    await using it = await machine(of);
    await spoil(it.site);
    const { status, stderr } = await it.install();
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining(told) });
    await expectUntouched(it.dir);
  });
}

for (const [signal, expected] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGHUP", 129],
] as const) {
  test(`ended half-way by ${signal} it ends its download too, and leaves nothing`, async () => {
    await using it = await machine();
    it.site.breakAt(archiveName, "hang");
    const child = Bun.spawn(["sh", script, "--dir", it.dir], { env: it.env, stdin: "ignore", stderr: "ignore" });
    await it.site.halfSent;
    child.kill(signal);
    expect(await child.exited).toBe(expected);
    await it.site.clientGone;
    await expectUntouched(it.dir);
  });
}

const tmpfs = await smallDisk();

test.skipIf(tmpfs === undefined)(
  "on a full disk it says how much space is left, and the older program stays (requires root, to mount a small disk)",
  async () => {
    await using it = await machine();
    expect(await run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", it.dir])).toMatchObject({ status: 0 });
    try {
      await writeFile(join(it.dir, "msb-mcp"), oldProgram);
      const { status, stderr } = await it.install();
      expect({ status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("Is there space? 0 MB are free"),
      });
      await expectUntouched(it.dir);
    } finally {
      await run(["umount", it.dir]);
    }
  },
);

/** Undefined where none can be mounted. */
async function smallDisk(): Promise<true | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  await using folder = await scratch();
  const mounted = await run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path]);
  if (mounted.status !== 0) return undefined;
  await run(["umount", folder.path]);
  return true;
}

test("folders that cannot be made or written to, and arguments that say nothing, are told", async () => {
  await using it = await machine();
  const refusals = [
    [["--dir", join(it.dir, "msb-mcp/below")], "cannot be made. Name a folder that you may write to"],
    [["--dir", "/proc"], "/proc cannot be written to"],
    [["--dir"], "--dir needs a value"],
    [["--dir", "--version"], '"--version" looks like another option. If it is the value, write --dir=--version'],
    [["--version", "../1"], '"../1" is not a version'],
    [["--force"], '"--force" is not an option'],
  ] as const;
  for (const [argv, told] of refusals) {
    const { status, stderr } = await it.install(argv);
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining(told) });
  }
  await expectUntouched(it.dir);
});

test.each(shells.filter(([name]) => Bun.which(name) !== null).map((shell) => [shell] as const))(
  "%p takes a folder of any name, and what it prints of PATH is the same folder to a shell that reads it",
  async (shell) => {
    await using it = await machine();
    for (const name of ["-x", "two words", `a $HOME "b" 'c' \`d\` \\e`]) {
      const { status, stderr } = await it.install([`--dir=${name}`], { cwd: it.path }, shell);
      expect({ status, stderr }).toMatchObject({ status: 0 });
      expect(await readdir(join(it.path, name))).toEqual(["msb-mcp"]);
      const line = /Add it: (export .*)\n/.exec(stderr)?.[1] ?? "false";
      const { stdout } = await run([...shell, "-c", `${line}; command -v msb-mcp`]);
      expect(stdout).toBe(`${join(it.path, name)}/msb-mcp\n`);
    }
  },
);

test("sums in capitals, in lines that end as on Windows, are sums", async () => {
  await using it = await machine();
  const sums = new TextDecoder().decode(it.site.files.get(inRelease("SHA256SUMS")));
  const written = sums.replace(/^[0-9a-f]+/gm, (sum) => sum.toUpperCase()).replaceAll("\n", "\r\n");
  it.site.files.set(inRelease("SHA256SUMS"), encoded(written.trimEnd()));
  const { status, stderr } = await it.install();
  expect({ status, stderr }).toMatchObject({ status: 0 });
});

test("a password in the address of the releases is never printed", async () => {
  await using it = await machine();
  const base = it.site.baseUrl.replace("://", "://ada:pass%40word@");
  const wholes: readonly (readonly [path: string | undefined, status: number])[] = [
    [undefined, 0],
    [archiveName, 1],
    ["SHA256SUMS", 1],
  ];
  for (const [missing, expected] of wholes) {
    if (missing !== undefined) it.site.files.delete(inRelease(missing));
    const { status, stderr } = await it.install(undefined, { env: { MSB_MCP_BASE_URL: base } });
    expect({ status, stderr }).toMatchObject({ status: expected, stderr: expect.stringContaining("//***@127.0.0.1:") });
    expect(stderr).not.toMatch(/ada|pass|word/);
  }
});

test("a part of the script does nothing", async () => {
  await using it = await machine();
  const text = await readFile(script);
  const ends = Array.from({ length: 12 }, (_, part) => Math.floor((text.byteLength * part) / 12));
  // Just before the call.
  ends.push(text.indexOf('main "$@"\n', text.indexOf("check_sum()")));
  for (const end of ends) await run(["sh"], { stdin: text.subarray(0, end), env: it.env });
  expect(await readdir(it.path)).toEqual(expect.not.arrayContaining([".local"]));
  await expectUntouched(it.dir);
});

test("the releases that it takes are those of the repository in package.json", async () => {
  const [, repository] = packageJson.repository.split("github:");
  const text = await readFile(script, "utf8");
  expect(text).toContain(`base=\${MSB_MCP_BASE_URL:-https://github.com/${repository}/releases}`);
});

test.skipIf(Bun.which("shellcheck") === null)(
  "shellcheck finds nothing in install.sh (where it is installed)",
  async () => {
    expect(await run(["shellcheck", script])).toEqual({ status: 0, stdout: "", stderr: "" });
  },
);
