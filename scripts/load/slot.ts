// One of the sessions that the clients want to have. The server may end it at any time when it is idle; then it is opened anew, as another life.

export type Language = "python" | "node";

/** One session, from its opening on, and all that is known of it. */
export type Life = {
  readonly id: string;
  readonly secret: string;
  /** By `performance.now()`. */
  readonly openedMs: number;
  /** Steps that have been asked for, and the highest that an answer has told. */
  asked: number;
  told: number;
  /** Calls whose answer does not tell whether they were carried out. */
  uncertain: number;
  readonly seen: Set<number>;
  /** Somebody has asked to stop it: what runs may be canceled. */
  stopAsked: boolean;
  /** An answer has told that it is no more: no later call may succeed. */
  gone: boolean;
};

export class Slot {
  readonly language: Language;
  readonly flavor: "small" | "medium";
  life: Life | undefined;
  /** So that two clients do not open it twice. */
  opening: Promise<Life | undefined> | undefined;

  constructor(index: number, language: Language = index % 2 === 0 ? "python" : "node") {
    this.language = language;
    this.flavor = index % 3 === 0 ? "medium" : "small";
  }

  /** Sets the secret, in the interpreter's memory and in a file. */
  beginning(secret: string): string {
    return this.language === "python"
      ? `secret = "${secret}"; steps = 0\nwith open("secret", "w") as file: _ = file.write(secret)\nprint(secret, steps)`
      : `var secret = "${secret}"; var steps = 0; (await import("node:fs")).writeFileSync("secret", secret); console.log(secret, steps)`;
  }

  /** Counts one up and prints both, having kept the session busy for a while. */
  step(busyMs: number): string {
    if (this.language === "python") {
      const wait = busyMs === 0 ? "" : `import time; time.sleep(${busyMs / 1000})\n`;
      return `${wait}steps += 1; print(secret, steps)`;
    }
    const wait = busyMs === 0 ? "" : `await new Promise((done) => setTimeout(done, ${busyMs})); `;
    return `${wait}steps += 1; console.log(secret, steps)`;
  }
}
