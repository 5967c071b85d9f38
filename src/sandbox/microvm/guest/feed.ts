// The text for a command's open stdin, on its way to the guest a piece at a time: the next one goes when the last has been written there. All that
// the guest's agent takes while a program does not read it holds up everything else in that guest.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../../clock.ts";
import { piecesOf } from "../../linked/pieces.ts";
import { type Exec, startExec } from "./exec.ts";
import { guestPrograms } from "./programs.ts";

/** Bounds a piece, in characters: with its escapes it fits a pipe. */
const pieceLength = 8 * 1024;

type Piece = { readonly line: string; readonly taken: () => void };

export type FeedOptions = {
  readonly machine: Machine;
  /** The FIFO that command.sh makes. */
  readonly fifo: string;
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onStarted: (pid: number) => void;
  readonly onEnd: () => void;
};

export class Feed {
  readonly #started: Promise<Exec>;
  /** Bounded by its writer, who waits. */
  readonly #pieces: Piece[] = [];
  #isUnderWay = false;
  #isClosing = false;
  #isOver = false;

  constructor({ machine, fifo, env, clock, onStarted, onEnd }: FeedOptions) {
    this.#started = startExec(
      { machine, argv: [...guestPrograms.feed, fifo], env, stdin: true, clock },
      {
        onStdout: (bytes) => {
          for (const _ of bytes) this.#taken();
        },
        onStderr: () => {},
        onEnd: () => {
          this.#end();
          onEnd();
        },
      },
    );
    this.#started.then(
      ({ pid }) => onStarted(pid),
      () => {
        this.#end();
        onEnd();
      },
    );
  }

  /** Resolves when it has been written to the command's stdin, or never will be. */
  write(text: string): Promise<void> {
    if (text === "" || this.#isClosing || this.#isOver) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const pieces = [...piecesOf(text, pieceLength)];
    for (const [index, piece] of pieces.entries()) {
      this.#pieces.push({ line: escaped(piece), taken: index === pieces.length - 1 ? resolve : () => {} });
    }
    this.#next();
    return promise;
  }

  close(): void {
    this.#isClosing = true;
    this.#next();
  }

  /** The command has ended. */
  kill(): void {
    void this.#started.then((exec) => exec.kill()).catch(() => {});
    this.#end();
  }

  #next(): void {
    if (this.#isUnderWay || this.#isOver) return;
    const [piece] = this.#pieces;
    if (piece !== undefined) {
      this.#isUnderWay = true;
      void this.#started.then((exec) => exec.write(`${piece.line}\n`)).catch(() => {});
    } else if (this.#isClosing) {
      void this.#started.then((exec) => exec.close()).catch(() => {});
    }
  }

  #taken(): void {
    this.#isUnderWay = false;
    this.#pieces.shift()?.taken();
    this.#next();
  }

  #end(): void {
    this.#isOver = true;
    for (const { taken } of this.#pieces.splice(0)) taken();
  }
}

/** As `printf %b` takes it, in one line. */
export function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\0", "\\0000");
}
