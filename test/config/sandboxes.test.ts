import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { commands } from "../../src/config/commands.ts";
import { type Environment, loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/options.ts";
import { dataTemplate } from "../../src/sandbox/data-template.ts";
import type { AllowedHost } from "../../src/sandbox/network.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { fencedBlock } from "../docs/blocks.ts";

function load(argv: readonly string[], env: Environment = {}, cwd = "/work") {
  return loadConfig(argv, env, { cwd, homeDir: "/home/ada" });
}

function configOf(argv: readonly string[], env: Environment = {}, cwd = "/work"): Config {
  const loaded = load(argv, env, cwd);
  if (loaded.kind !== "config") throw new Error(`no config: ${JSON.stringify(loaded)}`);
  return loaded.config;
}

function problemsOf(argv: readonly string[], env: Environment = {}, cwd = "/work"): readonly string[] {
  const loaded = load(argv, env, cwd);
  if (loaded.kind !== "problems") throw new Error(`no problems: ${JSON.stringify(loaded)}`);
  return loaded.problems;
}

/** A folder with this as templates.toml, while `use` runs. */
function withTemplates<T>(toml: string, use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "templates-"));
  try {
    writeFileSync(join(folder, "templates.toml"), toml);
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("without options there is no network, no secret, and the contract's templates and sizes", () => {
  const config = configOf([]);
  expect(config).toMatchObject({ network: { kind: "none" }, secrets: [], templates: defaultTemplates });
  expect(config.flavors).toEqual({
    small: { cpus: 1, memoryMib: 1024 },
    medium: { cpus: 2, memoryMib: 2048 },
    large: { cpus: 4, memoryMib: 4096 },
  });
});

test.each([
  [[], "serve", [], []],
  [["serve", "--port=1"], "serve", [], []],
  [["doctor"], "doctor", [], []],
  [["doctor", "--json", "--port=1"], "doctor", [], ["--json"]],
  [["pull", "--templates=x.toml"], "pull", [], []],
  [["health", "--ready", "http://localhost:1"], "health", ["http://localhost:1"], ["--ready"]],
] as const)("%p is the command %s", (argv, command, operands, switches) => {
  withTemplates("", (folder) => {
    const given = argv.map((argument) => argument.replace("x.toml", join(folder, "templates.toml")));
    expect(load(given)).toMatchObject({
      kind: "config",
      command,
      operands: [...operands],
      switches: new Set(switches),
    });
  });
});

test("an unknown command is an error that names the nearest", () => {
  expect(problemsOf(["docter"])).toEqual([
    `argument 1: "docter" is no command; the nearest is doctor (there are ${commands.map(({ name }) => name).join(", ")})`,
  ]);
});

test("--json is a flag only where a command answers in JSON", () => {
  expect(problemsOf(["--json"])).toHaveLength(1);
  expect(problemsOf(["pull", "--json"])).toHaveLength(1);
});

test("a flavor can be made smaller, and the others stay as they are", () => {
  expect(configOf(["--flavor", "small=1:128", "--flavor=large=8:16384"]).flavors).toEqual({
    small: { cpus: 1, memoryMib: 128 },
    medium: { cpus: 2, memoryMib: 2048 },
    large: { cpus: 8, memoryMib: 16_384 },
  });
  expect(configOf([], { MSB_MCP_FLAVORS: "small=2:512, medium=2:600" }).flavors.medium.memoryMib).toBe(600);
});

test.each(["tiny=1:128", "small=0:128", "small=1:63", "small=65:128", "small=1", "small=1:128:1", "small=1.5:128"])(
  "%p is no size of a flavor",
  (text) => {
    const [problem, ...more] = problemsOf([`--flavor=${text}`]);
    expect(more).toEqual([]);
    expect(problem).toStartWith(`--flavor: ${JSON.stringify(text)} is not allowed; it must be NAME=CPUS:MEMORY_MB`);
  },
);

test("a flavor has one size", () => {
  expect(problemsOf(["--flavor=small=1:128,small=1:256"])).toEqual([
    '--flavor: "small=1:256": small has a size already; allowed is one',
  ]);
});

test("a file adds templates and changes what the usual ones are", () => {
  const toml = `
    [python]
    image = "python:3.12-slim"
    [data]
    language = "python"
    image = { archive = "images/data.tar", reference = "data:1" }
    env = { TZ = "UTC" }
    [bare]
    language = "node"
    image = { folder = "../" }
    server_image = "microsandbox/bare"
  `;
  withTemplates(toml, (folder) => {
    mkdirSync(join(folder, "images"));
    writeFileSync(join(folder, "images/data.tar"), "");
    const { templates } = configOf(["--templates", "templates.toml"], {}, folder);
    expect(templates).toEqual([
      {
        name: "python",
        language: "python",
        image: { kind: "registry", reference: "python:3.12-slim" },
        serverImage: "python:3.12-slim",
        env: {},
      },
      ...defaultTemplates.filter(({ name }) => name !== "python"),
      {
        name: "data",
        language: "python",
        image: { kind: "archive", path: join(folder, "images/data.tar"), reference: "data:1" },
        serverImage: "microsandbox/python",
        env: { TZ: "UTC" },
      },
      {
        name: "bare",
        language: "node",
        image: { kind: "folder", path: dirname(folder) },
        serverImage: "microsandbox/bare",
        env: {},
      },
    ]);
  });
});

test("every problem of a templates file is told, with the file, the key, the value and what is allowed", () => {
  const toml = `
    stray = 1
    [data]
    language = "ruby"
    image = "./folder"
    colour = "red"
    [more]
    env = { "A-B" = "s3cret", GOOD = 1 }
    image = { folder = "x", archive = "y" }
    [node]
    server_image = "../x"
  `;
  withTemplates(toml, (folder) => {
    const file = join(folder, "templates.toml");
    const problems = problemsOf(["--templates", file]);
    const keys = problems.map((problem) => problem.replace(`--templates: ${file}: `, "").split(": ")[0]);
    expect(keys.sort()).toEqual([
      "data.colour",
      "data.image",
      "data.language",
      "more.env.A-B",
      "more.env.GOOD",
      "more.image",
      "more.language",
      "node.server_image",
      "stray",
    ]);
    expect(problems).toContain(
      `--templates: ${file}: data.language: "ruby" is not allowed; it must be one of python, node, bash`,
    );
    expect(problems.join()).not.toContain("s3cret");
  });
});

test("a templates file that is missing, or no TOML, is one problem", () => {
  expect(problemsOf(["--templates=/nowhere/it.toml"])).toEqual([
    "--templates: /nowhere/it.toml: cannot be read: ENOENT; allowed is a TOML file with a table a template",
  ]);
  withTemplates("[python", (folder) => {
    expect(problemsOf(["--templates=templates.toml"], {}, folder)).toHaveLength(1);
  });
});

test("an archive or a folder that is not there is found out at the start", () => {
  const toml = `
    [a]
    language = "python"
    image = { archive = "missing.tar", reference = "a:1" }
    [b]
    language = "python"
    image = { folder = "templates.toml" }
  `;
  withTemplates(toml, (folder) => {
    const file = join(folder, "templates.toml");
    expect(problemsOf(["--templates", file, "--images-archive", folder])).toEqual([
      `--templates: ${file}: a.image.archive: "missing.tar" is not allowed; it must be a file that is there (${join(folder, "missing.tar")} is not)`,
      `--templates: ${file}: b.image.folder: "templates.toml" is not allowed; it must be a folder that is there (${file} is not)`,
      `--images-archive: ${JSON.stringify(folder)} is not allowed; it must be a file that is there`,
    ]);
    expect(configOf(["--images-archive=templates.toml"], {}, folder).imagesArchive).toBe(file);
  });
});

test("there is an end to how many templates a file may add", () => {
  const toml = Array.from({ length: 31 }, (_, index) => `[t${index}]\nlanguage = "node"\nimage = "x"\n`).join("");
  withTemplates(toml, (folder) => {
    expect(problemsOf(["--templates=templates.toml"], {}, folder)).toHaveLength(1);
  });
});

const microvm = ["--backend=auto"];

test.each([
  ["none", { kind: "none" }],
  ["packages", { kind: "packages" }],
  ["public", { kind: "public" }],
] as const)("--network %s is a policy", (text, policy) => {
  expect(configOf([...microvm, `--network=${text}`]).network).toEqual(policy);
});

test.each<[string, AllowedHost]>([
  ["api.example.com", { kind: "domain", name: "api.example.com", port: undefined }],
  ["API.Example.com:8443", { kind: "domain", name: "api.example.com", port: 8443 }],
  ["*.example.com:443", { kind: "subdomains", name: "example.com", port: 443 }],
  ["192.0.2.7", { kind: "network", cidr: "192.0.2.7/32", port: undefined }],
  ["10.0.0.0/8:5432", { kind: "network", cidr: "10.0.0.0/8", port: 5432 }],
  ["2001:db8::1", { kind: "network", cidr: "2001:db8::1/128", port: undefined }],
  ["[2001:db8::/32]:443", { kind: "network", cidr: "2001:db8::/32", port: 443 }],
  ["host.microsandbox.internal:8080", { kind: "machine", port: 8080 }],
])("%s is a host that may be allowed", (text, host) => {
  expect(configOf([...microvm, "--network", `allow:${text}`]).network).toEqual({ kind: "allow", hosts: [host] });
});

test.each([
  "com",
  "*.com",
  "*",
  "api.*.com",
  "https://api.example.com",
  "api.example.com/path",
  "api.example.com:0",
  "api.example.com:65536",
  "256.0.0.1",
  "10.0.0.0/33",
  "localhost:80",
  "127.0.0.1:80",
  "[::1]:80",
  "[::ffff:192.0.2.7]:443",
  "::ffff:7f00:1",
  "0:0:0:0:0:ffff:c000:0207",
  "host.microsandbox.internal",
  "host.microsandbox.internal:53",
  "a b.example.com",
])("%p is no host that may be allowed", (text) => {
  const [problem, ...more] = problemsOf([`--network=allow:${text}`]);
  expect(more).toEqual([]);
  expect(problem).toStartWith(`--network: ${JSON.stringify(text)} is not allowed; `);
});

test("an address of IPv4 that is written in IPv6 is refused with the address that is meant", () => {
  const told = (text: string) => problemsOf([`--network=allow:${text}`])[0];
  expect(told("[::ffff:192.0.2.7]:443")).toEndWith("an address of IPv4 is written as one: 192.0.2.7");
  expect(told("::ffff:10.0.0.0/104")).toEndWith("an address of IPv4 is written as one: 10.0.0.0/8");
});

test.each(["all", "allow", "allow:", "allow:,", "NONE", "none,public"])("%p is no network policy", (text) => {
  expect(problemsOf([`--network=${text}`])[0]).toStartWith(`--network: ${JSON.stringify(text)} is not allowed; `);
});

test("a secret has its value from this process's variable, and nothing that prints the configuration shows it", () => {
  const argv = ["--network=allow:api.example.com", "--secret", "API_KEY=MY_KEY@api.example.com"];
  const { secrets } = configOf(argv, { MY_KEY: "s3cret" });
  expect(secrets.map(({ name, host, reveal }) => [name, host, reveal()])).toEqual([
    ["API_KEY", "api.example.com", "s3cret"],
  ]);
  expect(JSON.stringify(secrets) + Bun.inspect(secrets)).not.toContain("s3cret");
});

test.each([
  ["an unset variable", "KEY=NOT_SET@api.example.com"],
  ["an empty variable", "KEY=EMPTY@api.example.com"],
  ["a value of two lines", "KEY=LINES@api.example.com"],
  ["a value in the place of its variable", "KEY=s3-cret/@api.example.com"],
  ["no host", "KEY=MY_KEY"],
  ["a host that is an address", "KEY=MY_KEY@192.0.2.1"],
  ["a whole top-level domain", "KEY=MY_KEY@*.com"],
  ["a name that is no variable", "A-B=MY_KEY@api.example.com"],
])("a secret with %s is one problem, which shows no value", (_, text) => {
  const env = { MY_KEY: "s3-cret/", EMPTY: "", LINES: "s3-cret/\nmore" };
  const [problem, ...more] = problemsOf(["--network=public", "--secret", text], env);
  expect(more).toEqual([]);
  expect(problem).toStartWith("--secret: secret 1: ");
  expect(problem).not.toContain("s3-cret/");
});

test("a variable of the guest holds one secret", () => {
  const argv = ["--network=public", "--secret=A=K@a.example.com", "--secret=A=K@b.example.com"];
  expect(problemsOf(argv, { K: "v" })).toEqual([
    "--secret: secret 2: A is bound already; allowed is one secret a variable",
  ]);
});

test.each([
  ["none", "api.example.com", false],
  ["packages", "api.example.com", false],
  ["packages", "pypi.org", true],
  ["public", "api.example.com", true],
  ["public", "host.microsandbox.internal", false],
  ["allow:api.example.com:8443", "api.example.com", true],
  ["allow:*.example.com", "api.example.com", true],
  ["allow:*.example.com", "*.eu.example.com", true],
  ["allow:api.example.com", "*.example.com", false],
  ["allow:example.com", "api.example.com", false],
  ["allow:*.example.com", "evilexample.com", false],
  ["allow:192.0.2.0/24", "api.example.com", false],
  ["allow:host.microsandbox.internal:80", "host.microsandbox.internal", true],
])("with --network %s, a secret for %s can be sent: %p", (network, host, expected) => {
  const loaded = load([`--network=${network}`, `--secret=KEY=MY_KEY@${host}`], { MY_KEY: "v" });
  expect(loaded.kind).toBe(expected ? "config" : "problems");
});

test("the server backend refuses a network policy and secrets, rather than forget them", () => {
  const argv = ["--backend=server", "--network=public", "--secret=KEY=MY_KEY@api.example.com"];
  expect(problemsOf(argv, { MY_KEY: "v" })).toEqual([
    "--network (MSB_MCP_NETWORK): public needs --backend microvm or namespace; allowed with the server backend is none",
    "--secret (MSB_MCP_SECRETS): needs --backend microvm; allowed with the server backend is no secret",
  ]);
});

test("the namespace backend takes a network policy, and refuses secrets", () => {
  expect(configOf(["--backend=namespace", "--network=public"]).network).toEqual({ kind: "public" });
  expect(
    problemsOf(["--backend=namespace", "--network=public", "--secret=KEY=MY_KEY@api.example.com"], { MY_KEY: "v" }),
  ).toEqual(["--secret (MSB_MCP_SECRETS): needs --backend microvm; allowed with the namespace backend is no secret"]);
});

test("the proxy that this machine is behind is an option, or the variable that all programs know; its password is not shown", () => {
  expect(configOf(["--network-proxy=http://x:a%40b@[::1]:3128"]).networkProxy).toEqual({
    ...{ host: "::1", port: 3128, authorization: `Basic ${Buffer.from("x:a@b").toString("base64")}` },
  });
  expect(configOf([], { HTTPS_PROXY: "http://proxy.example.com" }).networkProxy).toEqual({
    ...{ host: "proxy.example.com", port: 80, authorization: undefined },
  });
  expect(configOf([]).networkProxy).toBeUndefined();
  for (const text of [
    "https://x:hunter2@proxy.example.com",
    "http://x:hunter2@p.example.com/path",
    "http://x:hunter2%zz@p",
  ]) {
    const [problem, ...more] = problemsOf([`--network-proxy=${text}`]);
    expect(more).toEqual([]);
    expect(problem).toContain("it must be http://HOST:PORT");
    expect(problem).not.toContain("hunter2");
  }
});

test("a pool is so many of a template and a flavor", () => {
  expect(configOf(["--pool", "python:small=2,node:small=1", "--pool=python:large=1"]).pool).toEqual([
    { template: "python", flavor: "small", count: 2 },
    { template: "node", flavor: "small", count: 1 },
    { template: "python", flavor: "large", count: 1 },
  ]);
  expect(configOf([]).pool).toEqual([]);
});

test.each(["python=2", "python:small", "python:small=0", "python:tiny=1", "python:small=1001", "python:small=1.5"])(
  "%p is no pool",
  (text) => {
    const [problem, ...more] = problemsOf([`--pool=${text}`]);
    expect(more).toEqual([]);
    expect(problem).toStartWith(`--pool: ${JSON.stringify(text)} is not allowed; it must be TEMPLATE:FLAVOR=COUNT`);
  },
);

test("a pool has one count of each kind, of templates that there are, within the sessions and the memory that there may be", () => {
  expect(problemsOf(["--pool=python:small=1,python:small=2"])).toHaveLength(1);
  const argv = ["--pool=ruby:small=1,python:small=10", "--max-total-memory-mb=11000"];
  expect(problemsOf(argv)).toEqual([
    "--pool (MSB_MCP_POOL): there is no template ruby; allowed are python, node, bash, data",
    "--pool (MSB_MCP_POOL): 11 sandboxes are not allowed; it must be at most --max-sessions (MSB_MAX_SESSIONS), which is 10",
    "--pool (MSB_MCP_POOL): 11264 MB is not allowed; it must be at most --max-total-memory-mb (MSB_MAX_TOTAL_MEMORY_MB), which is 11000",
  ]);
});

test("the guide's file of templates is one", async () => {
  const toml = await fencedBlock("docs/backends.md", "backends-templates");
  const here = toml.replace("/srv/rootfs", tmpdir()).replace("/srv/venv/bin/python3", "/bin/sh");
  withTemplates(here, (folder) => {
    writeFileSync(join(folder, "data.tar"), "");
    const { templates } = configOf(["--templates=templates.toml"], {}, folder);
    expect(templates.map(({ name }) => name)).toEqual(["python", "node", "bash", "data", "bare", "science"]);
  });
});

test("the guide's templates with packages are ones, from a list and from files", async () => {
  const toml = await fencedBlock("docs/packages.md", "packages-templates");
  withTemplates(toml, (folder) => {
    writeFileSync(join(folder, "requirements.txt"), "tabulate==0.9.0\n");
    writeFileSync(join(folder, "package.json"), '{ "dependencies": { "zod": "^3" } }');
    writeFileSync(join(folder, "package-lock.json"), "{}");
    const { templates } = configOf(["--templates=templates.toml"], {}, folder);
    expect(templates.slice(defaultTemplates.length).map(({ name, packages }) => [name, packages])).toEqual([
      ["data", dataTemplate.packages],
      ["geo", { kind: "requirements", text: "shapely==2.1.2\npyproj\n" }],
      ["report", { kind: "requirements", text: "tabulate==0.9.0\n" }],
      ["web", { kind: "manifest", packageJson: '{ "dependencies": { "zod": "^3" } }', lock: "{}" }],
    ]);
  });
});

test("packages that are none are told with their key, the value and what is allowed", () => {
  const toml = `
    [python]
    packages = ["numpy==2.2.6", "-e ."]
    [node]
    packages = ["zod@3", "git+https://example.com/x"]
    [data]
    packages = "gone.txt"
    [report]
    language = "python"
    image = "a:1"
    packages = "requirements.txt"
    [odd]
    language = "python"
    image = "a:1"
    packages = 7
  `;
  withTemplates(toml, (folder) => {
    writeFileSync(join(folder, "requirements.txt"), "six\n-r other.txt\n");
    const problems = problemsOf(["--templates=templates.toml"], {}, folder);
    expect(problems).toHaveLength(5);
    for (const [at, part] of [
      'python.packages: "-e ."',
      'node.packages: "git+https',
      'data.packages: "gone.txt"',
      'report.packages: "-r other.txt"',
      "odd.packages: 7",
    ].entries()) {
      expect(problems[at]).toContain(part);
      expect(problems[at]).toContain("is not allowed; it must be");
    }
  });
});

test("package indexes are URLs without credentials, or for Python a folder", () => {
  expect(
    configOf(["--package-index=python=https://mirror.example.com/simple,node=https://npm.example.com"]).packageIndexes,
  ).toEqual({
    python: { kind: "url", url: "https://mirror.example.com/simple" },
    node: { kind: "url", url: "https://npm.example.com/" },
  });
  const wrong = [
    "ruby=https://x.example.com",
    "python=https://me:key@x.example.com",
    `node=${tmpdir()}`,
    "python=/nowhere/at/all",
  ];
  const problems = problemsOf([`--package-index=${wrong.join(",")}`]);
  expect(problems).toHaveLength(4);
  expect(problems.join("\n")).not.toContain("key");
});

test("the hosts that the guide to networks allows are ones", async () => {
  const guide = await Bun.file(join(import.meta.dir, "../../docs/network.md")).text();
  const row = guide.split("\n").find((line) => line.startsWith("| `allow:HOST,…` |")) ?? "";
  const hosts = [...row.matchAll(/`([^`]+)`/g)].map(([, host = ""]) => host).slice(1);
  expect(hosts.length).toBeGreaterThan(5);
  expect(configOf([`--network=allow:${hosts.join(",")}`]).network.kind).toBe("allow");
});

test("interpreters are programs that are there, one a language, from flags or a comma list", () => {
  expect(configOf([]).interpreters).toEqual({});
  expect(configOf(["--interpreter", "python=/bin/sh", "--interpreter", "node=../bin/sh"]).interpreters).toEqual({
    python: "/bin/sh",
    node: "/bin/sh",
  });
  expect(configOf([], { MSB_MCP_INTERPRETERS: "python=/bin/sh, node=/bin/ls" }).interpreters).toEqual({
    python: "/bin/sh",
    node: "/bin/ls",
  });
});

test("every interpreter that is not allowed is told with its value and what is", () => {
  const given = ["ruby=/bin/sh", "python", "python=/no/such", "node=/etc/passwd", "node=/bin", "python=/bin/sh"];
  const problems = problemsOf([`--interpreter=${given.join(",")},python=/bin/ls`]);
  expect(problems.map((problem) => problem.replace(/; .*$/, ""))).toEqual([
    '--interpreter: "ruby=/bin/sh" is not allowed',
    '--interpreter: "python" is not allowed',
    '--interpreter: "python=/no/such": /no/such is not there',
    '--interpreter: "node=/etc/passwd": /etc/passwd is no file that may be executed',
    '--interpreter: "node=/bin": /bin is no file that may be executed',
    '--interpreter: "python=/bin/ls": python has a path already',
  ]);
  expect(problems[0]).toContain("it must be LANGUAGE=PATH");
  expect(problems[2]).toContain("allowed is the path of an interpreter, such as /opt/python/bin/python3");
});

test("interpreters of this machine are a problem with a backend whose images have them", () => {
  const [problem, ...others] = problemsOf(["--backend", "microvm", "--interpreter", "python=/bin/sh"]);
  expect(problem).toBe(
    "--interpreter (MSB_MCP_INTERPRETERS): needs --backend namespace; with the microvm backend, a template's image has the interpreter",
  );
  expect(others).toEqual([]);
});

test("a template's interpreter is a program, by a path from the file's folder", () => {
  withTemplates('[python]\ninterpreter = "run"\n', (folder) => {
    writeFileSync(join(folder, "run"), "", { mode: 0o755 });
    const [python] = configOf(["--templates", "templates.toml"], {}, folder).templates;
    expect(python).toMatchObject({ name: "python", interpreter: join(folder, "run") });
  });
  withTemplates('[python]\ninterpreter = "none"\n[node]\ninterpreter = 3\n', (folder) => {
    const problems = problemsOf(["--templates", "templates.toml"], {}, folder).join("\n");
    expect(problems).toContain(
      `python.interpreter: "none" is not allowed; it must be a program (${folder}/none is not there`,
    );
    expect(problems).toContain("node.interpreter: 3 is not allowed; it must be a path");
  });
});
