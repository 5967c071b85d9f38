import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/load.ts";

const secret = "hunter2-very-secret";

function problemsOf(argv: readonly string[], env: Readonly<Record<string, string>> = {}): readonly string[] {
  const loaded = loadConfig(argv, env, { cwd: "/", homeDir: "/" });
  return loaded.kind === "problems" ? loaded.problems : [];
}

test.each([
  [["--auth-token", `${secret} with spaces`], {}],
  [[`--auth-token=${secret}!`], {}],
  [["--auth-token=a=x", secret], {}],
  [["--auth-tokn", secret], {}],
  [[`--auth-tokn=${secret}`], {}],
  [[`--auth-token:${secret}`], {}],
  [[`-auth-token=${secret}`], {}],
  [[`--auth-token=a=${secret},a=other`], {}],
  [[`--auth-token=a=${secret},b=${secret}`], {}],
  [[], { MCP_AUTH_TOKEN: `${secret}!` }],
  [[], { MSB_API_KEY: `${secret}\n` }],
  [[`--server-url=ftp://ada:${secret}@host`], {}],
  [[`--server-url=http://ada:p@/#${secret}@host`], {}],
  [[`--server-url=ada:${secret}@host`], {}],
  [[`--server-url=http://host/?key=${secret}`], {}],
  [[`--cluster=redes://:${secret}@host:6379`], {}],
  [[`--cluster=redis://:p@/${secret}@host:6379`], {}],
  [[], { MCP_CLUSTER_SECRET: secret }],
  [[], { MCP_OPERATOR_TOKEN: secret }],
  [[], { MSB_MCP_CLUSTER: `redis://:${secret}@host` }],
  [[`--oauth-issuer=ftp://ada:${secret}@host`, "--oauth-audience=a"], {}],
] as const)("no message shows the secret of %p %p", (argv, env) => {
  const problems = problemsOf(argv, env);
  expect(problems).not.toBeEmpty();
  expect(problems.join("\n")).not.toContain(secret);
});

test("a bad URL is shown without its credentials, so that the rest can be corrected", () => {
  expect(problemsOf(["--server-url=ftp://ada:pw@host:1/path"])).toEqual([
    '--server-url: "ftp://***@host:1/path" is not allowed; it must be an http:// or https:// URL without query and fragment',
  ]);
});

test("there is no flag for the API key", () => {
  expect(problemsOf(["--api-key", secret]).join("\n")).toStartWith("--api-key: no such flag");
});
