// What the runtime's own package takes for the same: a prompt on an exec stream, a machine and its first program.

import type { ExecHandle, ExecSink, Sandbox } from "microsandbox";
import type { Microsandbox } from "../../src/sandbox/microvm/runtime/load.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";

export class Direct {
  readonly #microsandbox: Microsandbox;
  readonly #memoryMib: number;

  constructor(microsandbox: Microsandbox, memoryMib: number) {
    this.#microsandbox = microsandbox;
    this.#memoryMib = memoryMib;
  }

  async createAndExec(): Promise<void> {
    const machine = await this.#create();
    const output = await machine.exec("python3", ["-c", "print(1+1)"]);
    if (output.stdout() !== "2\n") throw new Error(`printed ${output.stdout()}`);
    await machine.destroy({ force: true });
  }

  /** Python's own prompt. */
  async openPrompt() {
    const machine = await this.#create();
    const handle = await machine.execStreamWith("python3", (builder) => builder.args(["-q", "-u", "-i"]).stdinPipe());
    await handle.recv();
    const sink = await handle.takeStdin();
    if (sink === null) throw new Error("the prompt has no stdin");
    await evaluate(handle, sink);
    return {
      evaluate: () => evaluate(handle, sink),
      [Symbol.asyncDispose]: () => machine.destroy({ force: true }),
    };
  }

  #create(): Promise<Sandbox> {
    const image = defaultTemplates.find(({ name }) => name === "python")?.image;
    if (image?.kind !== "registry") throw new Error("the python template has no image of a registry");
    const builder = this.#microsandbox.Sandbox.builder(`bench-${crypto.randomUUID()}`).image(image.reference);
    return builder.pullPolicy("never").cpus(1).memory(this.#memoryMib).disableNetwork().detached(true).create();
  }
}

async function evaluate(handle: ExecHandle, sink: ExecSink): Promise<void> {
  await sink.write("1+1\n");
  // The prompt writes the number and the line break one after the other.
  let printed = "";
  for (let event = await handle.recv(); event !== null; event = await handle.recv()) {
    if (event.kind === "stdout") printed += Buffer.from(event.data).toString();
    if (printed === "2\n") return;
  }
  throw new Error(`the prompt has ended behind ${JSON.stringify(printed)}`);
}
