// A sandbox that has a principal's cache until nothing of it is left.

import type { Files } from "../files.ts";
import type { HoardLimits, ResumeRequest, RunEnd, RunRequest, Sandbox } from "../port.ts";

export class CachedSandbox implements Sandbox {
  readonly name: string;
  readonly files: Files;
  readonly lost: Promise<string>;
  readonly cpuTimeMs?: () => Promise<number | null>;
  readonly endHoarders?: (folder: string, limits: HoardLimits) => Promise<number>;
  readonly resumable?: readonly string[];
  readonly resume?: (request: ResumeRequest) => Promise<RunEnd>;
  readonly lasting?: readonly RunRequest["kind"][];
  readonly letGo?: () => Promise<void>;
  readonly #sandbox: Sandbox;
  readonly #use: Disposable;

  constructor(sandbox: Sandbox, use: Disposable) {
    this.#sandbox = sandbox;
    this.#use = use;
    this.name = sandbox.name;
    this.files = sandbox.files;
    this.lost = sandbox.lost;
    const { cpuTimeMs, endHoarders, resumable, resume, lasting, letGo } = sandbox;
    if (cpuTimeMs !== undefined) this.cpuTimeMs = () => cpuTimeMs.call(sandbox);
    if (endHoarders !== undefined) {
      this.endHoarders = (folder, limits) => endHoarders.call(sandbox, folder, limits);
    }
    if (resumable !== undefined) this.resumable = resumable;
    if (resume !== undefined) this.resume = (request) => resume.call(sandbox, request);
    if (lasting !== undefined) this.lasting = lasting;
    if (letGo !== undefined) {
      this.letGo = async () => {
        using _ = use;
        await letGo.call(sandbox);
      };
    }
  }

  run(request: RunRequest): Promise<RunEnd> {
    return this.#sandbox.run(request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _ = this.#use;
    await this.#sandbox[Symbol.asyncDispose]();
  }
}
