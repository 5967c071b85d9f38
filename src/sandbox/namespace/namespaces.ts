// One bubblewrap and the namespaces it holds: booted, entered by descriptors, ended. Knows nothing of interpreters and runs.

import { closeSync, openSync, readlinkSync } from "node:fs";
import { bootCommand, type NamespaceDescriptors, type Self } from "./enter.ts";
import { bwrapArguments, hostEtc, type Layout } from "./layout.ts";
import { type Libc, signals } from "./libc.ts";
import { OutputPipe } from "./pipe.ts";
import { childrenOf, HeldProcess, killEntered, readProcess } from "./processes.ts";
import { guestPath, type Tools } from "./tools.ts";

export type NamespacesOptions = {
  readonly tools: Tools;
  readonly self: Self;
  readonly libc: Libc;
  /** A descriptor of the executable that starts bubblewrap (launcher/boot.ts). */
  readonly launcher: number;
  readonly joinFiles: readonly string[];
  readonly layout: Omit<Layout, "dataFiles" | "etc" | "filter">;
  /** Content by path in the guest, as descriptors of files in memory that stay the caller's. */
  readonly dataFiles: Readonly<Record<string, number>>;
  /** The filter of system calls, as such a descriptor. */
  readonly filter: number;
};

/** Repeats what it is told once everything is mounted, then holds the sandbox until its stdin ends, which it does at the latest with the server. */
const holder = ["/bin/cat"];
const readyWord = "ready\n";

/** What is kept of bubblewrap's complaints, characters. */
const complaintLimit = 2000;

/** Bubblewrap has ended before the sandbox was there; its own words are in the message. */
export class NoNamespaces extends Error {
  override readonly name = "NoNamespaces";

  constructor(complaint: string) {
    super(`bubblewrap could not start a sandbox: ${complaint}`);
  }
}

/**
 * Boots the namespaces of a sandbox. Rejects with NoNamespaces if they cannot be had, with the signal's
 * reason if that aborts; nothing is left either way.
 */
export async function bootNamespaces(options: NamespacesOptions, signal: AbortSignal): Promise<Namespaces> {
  signal.throwIfAborted();
  const boot = new Boot(options);
  const onAbort = () => boot.kill();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await boot.ready();
    signal.throwIfAborted();
    return new Namespaces(boot, options.libc);
  } catch (error) {
    boot.kill();
    await boot.exited;
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    boot.closePipes();
  }
}

export class Namespaces implements Disposable {
  /** Valid until it is disposed of. */
  readonly descriptors: NamespaceDescriptors;
  /** As in `readlink /proc/PID/ns/pid` of all that runs inside. */
  readonly pidLink: string;
  /** The sandbox's init and holder, in the host's numbers. With either of them all ends. */
  readonly keepers: ReadonlySet<number>;
  /** Resolves once nothing runs inside any more. */
  readonly ended: Promise<void>;
  readonly #init: number;
  readonly #libc: Libc;
  /** Kept for its end of the holder's stdin, which would be closed with it. */
  readonly #boot: Boot;
  readonly #holder: HeldProcess;
  #over = false;

  /** Throws a plain Error if the sandbox has ended meanwhile. */
  constructor(boot: Boot, libc: Libc) {
    this.#boot = boot;
    this.#init = boot.initPid();
    this.#libc = libc;
    this.descriptors = openDescriptors(this.#init, libc);
    this.pidLink = readlinkSync(`/proc/self/fd/${this.descriptors.folder}/pid`);
    const [holder = 0] = childrenOf(this.#init);
    this.keepers = new Set([this.#init, holder]);
    this.#holder = new HeldProcess(holder);
    // Still bubblewrap's child, so it has been the same process all the while.
    if (readProcess(this.#init)?.parent !== boot.pid) {
      this.#holder[Symbol.dispose]();
      this[Symbol.dispose]();
      throw new Error("the sandbox ended while it started");
    }
    this.ended = this.#boot.exited.then(() => {
      this.#over = true;
      this.#holder[Symbol.dispose]();
    });
  }

  /** False from the moment that the end of everything inside has become certain: the holder, which a guest can kill, is the first to go. */
  get alive(): boolean {
    return !this.#over && this.#holder.isAlive;
  }

  /** Ends everything inside; `ended` tells when. The kernel kills all members of a pid namespace with its init. */
  kill(): void {
    if (!this.#over) this.#libc.kill(this.#init, signals.kill);
  }

  /** Once it has ended, and nothing that is to enter it is on its way any more: that could find another sandbox behind the same numbers. */
  [Symbol.dispose](): void {
    closeAll(this.descriptors);
  }
}

/** A bubblewrap that is on its way. */
class Boot {
  readonly pid: number;
  readonly exited: Promise<void>;
  readonly #process: Bun.Subprocess<"pipe">;
  readonly #libc: Libc;
  readonly #said = { ready: "", info: "", complaint: "" };
  readonly #pipes: readonly OutputPipe[];
  #running = true;
  #heard = Promise.withResolvers<void>();

  constructor(options: NamespacesOptions) {
    const { tools, self, libc, launcher, joinFiles } = options;
    this.#libc = libc;
    using opened = new DisposableStack();
    const own = (descriptor: number) => {
      opened.defer(() => closeSync(descriptor));
      return descriptor;
    };
    // Positions in the child's table: 0 to 2, the arguments, the report, the filter, then the data files.
    const filter = own(openSync(`/proc/self/fd/${options.filter}`, "r"));
    const etc = hostEtc();
    const sources = [
      ...Object.entries(options.dataFiles).map(([path, file]) => ({ path, source: `/proc/self/fd/${file}` })),
      ...etc.files.map((path) => ({ path, source: path })),
    ];
    const files = sources.map(({ path, source }, index) => ({
      path,
      descriptor: 6 + index,
      inherited: own(openSync(source, "r")),
    }));
    const encoder = new TextEncoder();
    const args = bwrapArguments({ ...options.layout, dataFiles: files, etc, filter: 5 }).map(
      (argument) => `${argument}\0`,
    );
    const argsFile = own(libc.memoryFile(encoder.encode(args.join(""))));
    const stdout = this.#listen(opened, "ready");
    const stderr = this.#listen(opened, "complaint");
    const info = this.#listen(opened, "info");
    this.#pipes = [stdout, stderr, info];
    const command = bootCommand({
      tools,
      self,
      launcher,
      joinFiles,
      descriptors: { args: 3, info: 4 },
      program: holder,
    });
    this.#process = Bun.spawn(command, {
      stdio: [
        "pipe",
        stdout.writeEnd,
        stderr.writeEnd,
        argsFile,
        info.writeEnd,
        filter,
        ...files.map(({ inherited }) => inherited),
      ],
      env: { PATH: guestPath },
      cwd: "/",
      // A Ctrl-C in the server's terminal is for the server alone, which then ends its sandboxes in its own way.
      detached: true,
    });
    void this.#tell(readyWord);
    this.pid = this.#process.pid;
    this.exited = this.#process.exited.then(() => {
      this.#running = false;
      this.#heard.resolve();
    });
  }

  /** Rejects with NoNamespaces if bubblewrap ends before. */
  async ready(): Promise<void> {
    while (this.#said.ready !== readyWord || !this.#said.info.includes("}")) {
      if (!this.#running) {
        await Promise.all(this.#pipes.map((pipe) => pipe.drain()));
        throw new NoNamespaces(this.#said.complaint.trim() || "it was ended");
      }
      await this.#heard.promise;
      this.#heard = Promise.withResolvers();
    }
  }

  initPid(): number {
    const pid = Number(/"child-pid":\s*(\d+)/.exec(this.#said.info)?.[1]);
    if (!Number.isInteger(pid)) throw new Error("bubblewrap did not tell its child's process id");
    return pid;
  }

  /** Its child dies with it (--die-with-parent) only once it is set up; before, it must be ended by itself. */
  kill(): void {
    if (this.#running) killEntered(this.#libc, this.pid);
  }

  closePipes(): void {
    for (const pipe of this.#pipes) pipe.close();
  }

  /** Fails if bubblewrap has ended already, which ready() tells with its words. */
  async #tell(words: string): Promise<void> {
    try {
      await this.#process.stdin.write(words);
      await this.#process.stdin.flush();
    } catch {
      // As above.
    }
  }

  #listen(opened: DisposableStack, what: "ready" | "info" | "complaint"): OutputPipe {
    const decoder = new TextDecoder();
    const pipe = new OutputPipe(this.#libc, (bytes) => {
      this.#said[what] = (this.#said[what] + decoder.decode(bytes)).slice(0, complaintLimit);
      this.#heard.resolve();
    });
    opened.defer(() => pipe.started());
    return pipe;
  }
}

function openDescriptors(initPid: number, libc: Libc): NamespaceDescriptors {
  const user = openSync(`/proc/${initPid}/ns/user`, "r");
  try {
    const owner = libc.parentNamespace(user);
    try {
      return { owner, folder: openSync(`/proc/${initPid}/ns`, "r") };
    } catch (error) {
      closeSync(owner);
      throw error;
    }
  } finally {
    closeSync(user);
  }
}

function closeAll({ owner, folder }: NamespaceDescriptors): void {
  for (const descriptor of [owner, folder]) closeSync(descriptor);
}
