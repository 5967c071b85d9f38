// The process edge: argv and environment in, signals, exit status out. Nothing else touches `process`.

import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { systemClock } from "./clock.ts";
import { leaseMs } from "./cluster/port.ts";
import { completions } from "./commands/completions.ts";
import { diagnose } from "./commands/doctor/doctor.ts";
import { reportJson, reportText } from "./commands/doctor/report.ts";
import { drain } from "./commands/drain.ts";
import { health } from "./commands/health.ts";
import { install } from "./commands/install/install.ts";
import { list } from "./commands/install/list.ts";
import { uninstall } from "./commands/install/uninstall.ts";
import { nodes } from "./commands/nodes.ts";
import { createOutput } from "./commands/output.ts";
import { pull } from "./commands/pull.ts";
import { sessions } from "./commands/sessions.ts";
import { token } from "./commands/token.ts";
import type { ClientName } from "./config/commands.ts";
import { shells } from "./config/commands.ts";
import { helpText } from "./config/help.ts";
import { type Loaded, loadConfig } from "./config/load.ts";
import { commit, version } from "./config/version.ts";
import { StartError } from "./failure.ts";
import { type RunningServer, startServer } from "./server.ts";

import { createLog } from "./watch/log.ts";

/**
 * Exit statuses: 0 well, 1 could not start, 2 the configuration is wrong; 130 or 143 where a second SIGINT or SIGTERM ended it (a command: the
 * first).
 */
type ExitStatus = 0 | 1 | 2 | 130;

/**
 * What follows a first signal so closely is the same one: Ctrl+C and `timeout` tell a whole group of processes, and whoever started the
 * server (npx) passes on what it was told.
 */
const echoMs = 150;

const stdout = createOutput(process.stdout);

process.exitCode = await main();
// A full disk may be told only once everything has been handed over.
process.on("exit", () => {
  if (stdout.problem === undefined) return;
  process.stderr.write(`msb-mcp: standard output could not be written (${stdout.problem})\n`);
  if (process.exitCode === 0) process.exitCode = 1;
});

async function main(): Promise<ExitStatus> {
  const loaded = loadConfig(process.argv.slice(2), process.env, { cwd: process.cwd(), homeDir: homedir() });
  switch (loaded.kind) {
    case "help":
      stdout.write(helpText(version));
      return 0;
    case "version":
      stdout.write(`msb-mcp ${version} (${commit})\n`);
      return 0;
    case "problems":
      for (const problem of loaded.problems) process.stderr.write(`msb-mcp: ${problem}\n`);
      process.stderr.write("msb-mcp: nothing was done; --help shows every option\n");
      return 2;
    case "config":
      break;
  }
  switch (loaded.command) {
    case "serve":
      return await serve(loaded);
    case "doctor":
      return await untilSignal((signal) => runDoctor(loaded, signal));
    case "pull":
      return await untilSignal((signal) => runPull(loaded, signal));
    case "health":
      return await untilSignal((signal) => runHealth(loaded, signal));
    case "token":
      return await token({ ...loaded.config, write: writeLine, complain });
    case "nodes":
      return await nodes({ ...clusterOptions(loaded), isJson: loaded.switches.has("--json") });
    case "sessions":
      return await untilSignal((signal) => runSessions(loaded, signal));
    case "drain":
      return await untilSignal((signal) => runDrain(loaded, signal));
    case "install":
      return await runInstall(loaded);
    case "uninstall":
      return await uninstall(clientOptions(loaded));
    case "list":
      return await list({ machine: machine(), isJson: loaded.switches.has("--json"), write: writeLine });
    case "completions":
      return runCompletions(loaded);
  }
}

type Ready = Extract<Loaded, { kind: "config" }>;

async function serve({ config, given }: Ready): Promise<ExitStatus> {
  const emit = createLog({
    level: config.logLevel,
    format: config.logFormat ?? (process.stderr.isTTY ? "human" : "json"),
    write: (line) => void process.stderr.write(line),
    now: systemClock.now,
  });
  const stop = Promise.withResolvers<string>();
  let firstSignalMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    firstSignalMs ??= nowMs;
    if (nowMs - firstSignalMs > echoMs) process.exit(signal === "SIGTERM" ? 143 : 130);
    stop.resolve(signal);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.stdout.on("error", () => stop.resolve("stdout closed"));
  // Whoever read the log may go; the server does not go with them.
  process.stderr.on("error", () => undefined);

  let server: RunningServer;
  try {
    server = await startServer({
      config,
      given,
      clock: systemClock,
      emit,
      memory: () => {
        const { rss, heapUsed } = process.memoryUsage();
        return { residentBytes: rss, heapBytes: heapUsed };
      },
      pid: process.pid,
      stdin: () => Bun.stdin.stream(),
      writeStdout: (text) => void process.stdout.write(text),
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`msb-mcp: ${error.message}\n`);
    return error.isConfiguration ? 2 : 1;
  }
  const signal = await Promise.race([stop.promise, server.finished]);
  emit({ type: "server.stopping", signal });
  await server[Symbol.asyncDispose]();
  // What was let go of may have streams to here, which would keep this process.
  if (config.keepSessions) process.exit(0);
  return 0;
}

async function runPull({ config, given, texts }: Ready, signal: AbortSignal): Promise<ExitStatus> {
  const template = texts.get("--template")?.[0];
  return await pull({ config, given, template, clock: systemClock, write: writeLine, signal });
}

async function runDoctor({ config, given, switches }: Ready, signal: AbortSignal): Promise<ExitStatus> {
  const diagnosis = await diagnose({ config, given, clock: systemClock }, signal);
  stdout.write(switches.has("--json") ? reportJson(diagnosis, version) : reportText(diagnosis));
  return diagnosis.ready ? 0 : 1;
}

async function runHealth({ config, operands, switches }: Ready, signal: AbortSignal): Promise<ExitStatus> {
  const [url] = operands;
  const isReadyAsked = switches.has("--ready");
  return await health({ ...config, url, isReadyAsked, fetch, clock: systemClock, write: writeLine }, signal);
}

async function runSessions(ready: Ready, signal: AbortSignal): Promise<ExitStatus> {
  const { host, port, operatorToken: token } = ready.config;
  const isJson = ready.switches.has("--json");
  return await sessions({ ...clusterOptions(ready), host, port, token, isJson, fetch, signal });
}

async function runDrain(ready: Ready, signal: AbortSignal): Promise<ExitStatus> {
  const { host, port, operatorToken: token } = ready.config;
  const [node] = ready.operands;
  const isUndo = ready.switches.has("--undo");
  return await drain({ ...clusterOptions(ready), host, port, token, node, isUndo, fetch, signal });
}

function clusterOptions({ config: { cluster: url, clusterName: name } }: Ready) {
  const openRegistry = async (url: string) => {
    // Not loaded without need.
    const registry = await import("./cluster/registry/open.ts");
    return await registry.openRegistry({ url, name, leaseMs, clock: systemClock });
  };
  return {
    openRegistry: url === undefined ? undefined : () => openRegistry(url),
    ...{ clock: systemClock, write: writeLine, complain },
  };
}

async function runInstall(ready: Ready): Promise<ExitStatus> {
  const { config, operands, switches, given, texts } = ready;
  const { authTokens, authTokenFile, oauthIssuer } = config;
  // The compiled file runs its main module from inside of itself.
  const isCompiled = /^(?:\/\$bunfs|[A-Z]:[\\/]~BUN)/.test(Bun.main);
  return await install({
    ...config,
    ...clientOptions(ready),
    url: operands[1],
    transport: given.has("transport") ? config.transport : undefined,
    isPrint: switches.has("--print"),
    tokens: authTokens.map(({ token }) => token),
    tokenFile: authTokenFile,
    hasOAuth: oauthIssuer !== undefined,
    texts,
    running: {
      execPath: process.execPath,
      script: isCompiled ? undefined : Bun.main,
      platform: process.platform,
      which: (name) => Bun.which(name) ?? undefined,
      realpath: realpathSync,
    },
  });
}

function clientOptions({ operands, switches }: Ready) {
  return {
    // The command line lets no other through.
    client: operands[0] as ClientName,
    machine: machine(),
    isProject: switches.has("--project"),
    isDryRun: switches.has("--dry-run"),
    isForced: switches.has("--force"),
    write: writeLine,
    warn: complain,
  };
}

function machine() {
  return {
    platform: process.platform,
    homeDir: homedir(),
    cwd: process.cwd(),
    variable: (name: string) => process.env[name],
  };
}

function runCompletions({ operands }: Ready): ExitStatus {
  const shell = shells.find((name) => name === operands[0]);
  if (shell === undefined) throw new Error("the command line has let a shell pass that is none");
  stdout.write(completions(shell));
  return 0;
}

function writeLine(line: string): void {
  stdout.write(`${line}\n`);
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** For commands that end by themselves: the first signal ends them. */
async function untilSignal(run: (signal: AbortSignal) => Promise<ExitStatus>): Promise<ExitStatus> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once("SIGTERM", onSignal);
  process.once("SIGINT", onSignal);
  try {
    return await run(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return 130;
    throw error;
  }
}
