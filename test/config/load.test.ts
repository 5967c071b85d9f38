import { expect, test } from "bun:test";
import { type Environment, loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/options.ts";

const place = { cwd: "/work", homeDir: "/home/ada" };

function load(argv: readonly string[], env: Environment = {}) {
  return loadConfig(argv, env, place);
}

function configOf(argv: readonly string[], env: Environment = {}): Config {
  const loaded = load(argv, env);
  if (loaded.kind !== "config") throw new Error(`no config: ${JSON.stringify(loaded)}`);
  return loaded.config;
}

function problemsOf(argv: readonly string[], env: Environment = {}): readonly string[] {
  const loaded = load(argv, env);
  if (loaded.kind !== "problems") throw new Error(`no problems: ${JSON.stringify(loaded)}`);
  return loaded.problems;
}

test("without flags and variables, the contract's defaults hold", () => {
  expect(configOf([])).toMatchObject({
    host: "localhost",
    port: 8000,
    enableCors: false,
    logLevel: "INFO",
    transport: "http",
    backend: "auto",
    auth: "auto",
    authTokens: [],
    allowedHosts: [],
    allowedOrigins: [],
    stateDir: "/home/ada/.local/state/msb-mcp",
    serverUrl: "http://127.0.0.1:5555",
    sessionTimeoutMs: 1_800_000,
    maxSessions: 10,
    defaultFlavor: "small",
    executionTimeoutMs: 300_000,
    sandboxStartTimeoutMs: 180_000,
    cleanupIntervalMs: 60_000,
    sharedVolumes: [],
  });
});

test("a flag beats its variable, a variable beats the default", () => {
  expect(configOf(["--port", "1"], { MCP_SERVER_PORT: "2" }).port).toBe(1);
  expect(configOf([], { MCP_SERVER_PORT: "2" }).port).toBe(2);
});

test("an empty variable is an unset one, even for a number", () => {
  expect(configOf([], { MCP_SERVER_PORT: "", MCP_AUTH_TOKEN: "", MSB_SHARED_VOLUME_PATH: "" }).port).toBe(8000);
});

test("a bad variable is no problem where a flag beats it", () => {
  expect(configOf(["--port=1"], { MCP_SERVER_PORT: "x" }).port).toBe(1);
});

test("what was given is told apart from defaults of the same value", () => {
  const loaded = load(["--port=8000"], { MSB_SERVER_URL: "http://127.0.0.1:5555" });
  expect(loaded.kind === "config" ? [...loaded.given].sort() : loaded).toEqual(["port", "serverUrl"]);
});

test.each([[["--port", "7"]], [["--port=7"]]])("%p gives the value of a flag", (argv) => {
  expect(configOf(argv).port).toBe(7);
});

test.each([
  [["--enable-cors"], true],
  [["--enable-cors", "--port=1"], true],
  [["--enable-cors=false"], false],
  [["--enable-cors", "no"], false],
  [["--enable-cors=YES"], true],
] as const)("%p sets a boolean", (argv, expected) => {
  expect(configOf(argv).enableCors).toBe(expected);
});

test.each(["true", "1", "yes", "on", "True"])("%p is true", (text) => {
  expect(configOf([], { MCP_ENABLE_CORS: text }).enableCors).toBe(true);
});

test.each(["false", "0", "no", "off", "OFF"])("%p is false", (text) => {
  expect(configOf([], { MCP_ENABLE_CORS: text }).enableCors).toBe(false);
});

test.each(["10.5", "1e3", " 7", "7 ", "0x10", "-1", "+7", "007", "65536", "", "１", "NaN", "99999999999999999999"])(
  "%p is no port, and the message says the value and what is allowed",
  (text) => {
    expect(problemsOf([`--port=${text}`])).toEqual([
      `--port: ${JSON.stringify(text)} is not allowed; it must be a whole number from 0 to 65535`,
    ]);
  },
);

test("a negative number after a flag is its value, not another flag", () => {
  expect(problemsOf(["--max-sessions", "-5"])).toEqual([
    '--max-sessions: "-5" is not allowed; it must be a whole number from 1 to 100000',
  ]);
});

test("all problems of all options are reported together", () => {
  const problems = problemsOf(["--port=x", "--prot=1", "--backend", "docker", "stray"], {
    MCP_LOG_LEVEL: "LOUD",
    MSB_MAX_SESSIONS: "0",
    MSB_SERVER_URL: "ftp://host",
  });
  expect(problems.map((problem) => problem.split(":")[0]).sort()).toEqual([
    "--backend",
    "--port",
    "--prot",
    "MCP_LOG_LEVEL",
    "MSB_MAX_SESSIONS",
    "MSB_SERVER_URL",
    "argument 5",
  ]);
});

test.each([
  ["--prot", "--port"],
  ["--hots", "--host"],
  ["--sesion-timeout", "--session-timeout"],
  ["--Enable-Cors", "--enable-cors"],
  ["-port", "--port"],
  ["--verison", "--version"],
])("the unknown flag %s is an error that names %s", (wrong, right) => {
  expect(problemsOf([wrong, "value"])).toEqual([`${wrong}: no such flag; the nearest is ${right}`]);
});

test("a flag without its value is an error", () => {
  expect(problemsOf(["--host", "--port=1"])).toEqual(["--host: has no value; it must be a host name or an IP address"]);
  expect(problemsOf(["--port"])).toEqual(["--port: has no value; it must be a whole number from 0 to 65535"]);
});

test("a flag that was given twice is an error, unless it may be repeated", () => {
  expect(problemsOf(["--port=1", "--port=1"])).toEqual(["--port: given 2 times; allowed is once"]);
  expect(configOf(["--auth-token=a=one-of-16-letters", "--auth-token", "b=two-of-16-letters"]).authTokens).toEqual([
    { principal: "a", token: "one-of-16-letters" },
    { principal: "b", token: "two-of-16-letters" },
  ]);
});

test("the cleanup interval must be less than the session timeout, also where one of them is a default", () => {
  expect(problemsOf(["--session-timeout=60"])).toEqual([
    "--cleanup-interval (MSB_CLEANUP_INTERVAL): 60 is not allowed; it must be less than --session-timeout (MSB_SESSION_TIMEOUT), which is 60",
  ]);
  expect(configOf(["--session-timeout=60", "--cleanup-interval=59"]).cleanupIntervalMs).toBe(59_000);
});

test("a rule between two options is not reported on top of one of them being unreadable", () => {
  expect(problemsOf(["--session-timeout=5", "--cleanup-interval=x"])).toHaveLength(1);
});

test("OAuth needs the issuer and the audience", () => {
  const names = problemsOf(["--auth=oauth"]).map((problem) => problem.split(" ")[0]);
  expect(names).toEqual(["--oauth-issuer", "--oauth-audience"]);
  expect(problemsOf(["--oauth-issuer=https://id.example"])).toHaveLength(1);
});

test("help and version are understood without dashes, as a first word", () => {
  expect(load(["help"])).toEqual({ kind: "help" });
  expect(load(["version"])).toEqual({ kind: "version" });
  expect(problemsOf(["health", "http://localhost", "help"])).toHaveLength(1);
});

test.each(["--help", "-h"])("%s wins over problems", (flag) => {
  expect(load(["--port=x", flag])).toEqual({ kind: "help" });
});

test("--version is told apart from --help", () => {
  expect(load(["--version"])).toEqual({ kind: "version" });
});

test("the state directory follows XDG_STATE_HOME, unless that is relative", () => {
  expect(configOf([], { XDG_STATE_HOME: "/state" }).stateDir).toBe("/state/msb-mcp");
  expect(configOf([], { XDG_STATE_HOME: "state" }).stateDir).toBe("/home/ada/.local/state/msb-mcp");
  expect(configOf(["--state-dir=here/./it"]).stateDir).toBe("/work/here/it");
});

test.each(["--max-total-memory-mb", "--max-memory-mb-per-principal"])(
  "%s has room for one session of the default flavor at least",
  (flag) => {
    const [problem, ...more] = problemsOf([flag, "2047", "--default-flavor", "medium"]);
    expect(problem).toStartWith(`${flag} (MSB_MAX_`);
    expect(problem).toEndWith(
      "2047 is not allowed; it must be at least the memory of the default flavor (medium), which is 2048",
    );
    expect(more).toEqual([]);
    expect(configOf([flag, "2048", "--default-flavor", "medium"]).defaultFlavor).toBe("medium");
  },
);
