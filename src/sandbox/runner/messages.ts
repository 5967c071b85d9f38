// What the host says to an interpreter's program, and how that is written down: in lines of JSON, or in lines that a shell can read.

export type Message =
  | { readonly attach: string }
  | RunMessage
  | {
      readonly look: string;
      readonly since_ms: number;
      readonly begun_ms: number;
      readonly volumes?: readonly string[];
    }
  | { readonly moment: string }
  | { readonly interrupt: string; readonly once?: true }
  | { readonly input: string; readonly number: number; readonly text: string }
  | { readonly close_input: string }
  /** For a Node that has asked for it. */
  | { readonly typescript: string | null; readonly more: boolean };

type RunMessage = {
  readonly id: string;
  readonly source: string;
  readonly mark: string;
  readonly where: "stdout" | "control";
  readonly stdin?: true;
  readonly volumes?: readonly string[];
};

/** With the line break at its end. */
export type Encode = (message: Message) => string;

/** As python/main.py and node/main.cjs read it. */
export const inJson: Encode = (message) => `${JSON.stringify(message)}\n`;

/** As bash/main.sh reads it. */
export const inWords: Encode = (message) => {
  if ("attach" in message) return `attach ${message.attach}\n`;
  if ("look" in message) {
    const { look, since_ms, begun_ms, volumes } = message;
    return `look ${look} ${(since_ms / 1000).toFixed(3)} ${(begun_ms / 1000).toFixed(3)}${words(volumes)}\n`;
  }
  if ("moment" in message) return `moment ${message.moment}\n`;
  if ("typescript" in message) return "";
  if ("interrupt" in message) return `interrupt ${message.interrupt} ${message.once ? "once" : "again"}\n`;
  if ("close_input" in message) return `close ${message.close_input}\n`;
  if ("input" in message) {
    const text = escaped(message.text);
    return `input ${message.input} ${message.number} ${Buffer.byteLength(text)}\n${text}`;
  }
  // A shell passes over NUL, too.
  const source = message.source.replaceAll("\0", "");
  const input = message.stdin === true ? "open" : "empty";
  return `run ${message.id} ${message.mark} ${input} ${Buffer.byteLength(source)}${words(message.volumes)}\n${source}`;
};

function words(paths: readonly string[] = []): string {
  const escapedByte = (byte: number) => `%${byte.toString(16).padStart(2, "0")}`;
  const word = (path: string) =>
    [...Buffer.from(path)].map((byte) =>
      /[\w/]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : escapedByte(byte),
    );
  return paths.map((path) => ` ${word(path).join("")}`).join("");
}

/** As `printf %b` undoes it: a shell reads no NUL. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\0", "\\0000");
}
