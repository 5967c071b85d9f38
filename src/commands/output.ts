// What a command writes for people and programs. Whoever reads may leave before the end, and a disk may be full: neither stops the command in
// the middle of what it does.

export type Output = {
  /** Never throws. */
  write(text: string): void;
  /** The system's code, once something kept the text from being written; undefined too where only the reader has left (EPIPE). */
  readonly problem: string | undefined;
};

type Stream = {
  write(text: string): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
};

export function createOutput(stream: Stream): Output {
  let problem: string | undefined;
  const note = (error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code !== "EPIPE") problem = code;
  };
  stream.on("error", note);
  return {
    write(text) {
      try {
        stream.write(text);
      } catch (error) {
        note(error);
      }
    },
    get problem() {
      return problem;
    },
  };
}
