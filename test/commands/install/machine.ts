// A home folder of its own for a test, and the commands as main.ts calls them there.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clients } from "../../../src/commands/install/clients.ts";
import { type InstallOptions, install } from "../../../src/commands/install/install.ts";
import { list } from "../../../src/commands/install/list.ts";
import type { Machine } from "../../../src/commands/install/places.ts";
import { uninstall } from "../../../src/commands/install/uninstall.ts";
import type { ClientName } from "../../../src/config/commands.ts";

export type Said = { readonly status: number; readonly lines: readonly string[]; readonly warnings: readonly string[] };

export type Wanted = Partial<Omit<InstallOptions, "client" | "write" | "warn">>;

export class Home implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<Home> {
    return new Home(await mkdtemp(join(tmpdir(), "msb-mcp-install-")));
  }

  get machine(): Machine {
    return machineAt(this.directory);
  }

  fileOf(client: ClientName): string {
    return clients[client].userFiles(this.machine)[0];
  }

  async put(path: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await Bun.write(path, content);
  }

  /** `onLine` is called as each line is written, before what follows is done. */
  async install(
    client: ClientName,
    wanted: Wanted = {},
    onLine: (line: string) => void = () => undefined,
  ): Promise<Said> {
    return await said((writers) => install({ ...usual(this), ...wanted, client, ...writers }), onLine);
  }

  async uninstall(
    client: ClientName,
    wanted: Pick<Wanted, "isProject" | "isDryRun" | "isForced" | "machine"> = {},
  ): Promise<Said> {
    const chosen = { isProject: false, isDryRun: false, isForced: false, machine: this.machine, ...wanted };
    return await said((writers) => uninstall({ ...chosen, client, ...writers }));
  }

  async list(isJson = false, machine = this.machine): Promise<Said> {
    return await said(({ write }) => list({ machine, isJson, write }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function machineAt(
  homeDir: string,
  { platform = "linux", variables = {} as Record<string, string> } = {},
): Machine {
  return { platform, homeDir, cwd: join(homeDir, "project"), variable: (name) => variables[name] };
}

/** The content of a file; undefined where there is none. */
export async function contentOf(path: string): Promise<string | undefined> {
  const file = Bun.file(path);
  // As bytes: text() would take a byte order mark away.
  return (await file.exists()) ? Buffer.from(await file.bytes()).toString("latin1") : undefined;
}

function usual({ directory, machine }: Home): Omit<InstallOptions, "client" | "write" | "warn"> {
  return {
    url: undefined,
    host: "localhost",
    port: 8000,
    transport: undefined,
    auth: "auto",
    tokens: [],
    tokenFile: undefined,
    hasOAuth: false,
    stateDir: join(directory, "state"),
    texts: new Map(),
    machine,
    running: {
      execPath: "/opt/bin/msb-mcp",
      script: undefined,
      platform: machine.platform,
      which: () => undefined,
      realpath: (path) => path,
    },
    isProject: false,
    isDryRun: false,
    isPrint: false,
    isForced: false,
  };
}

async function said(
  run: (writers: Pick<InstallOptions, "write" | "warn">) => Promise<number>,
  onLine: (line: string) => void = () => undefined,
): Promise<Said> {
  const lines: string[] = [];
  const warnings: string[] = [];
  const write = (line: string) => {
    lines.push(line);
    onLine(line);
  };
  const status = await run({ write, warn: (line) => warnings.push(line) });
  return { status, lines, warnings };
}
