// What a server and the keeper of its machines say to each other over one WebSocket: requests with numbers, their answers, and what programs do.

export type Asked =
  | { readonly what: "boot"; readonly name: string }
  | { readonly what: "list" }
  | { readonly what: "destroy"; readonly name: string }
  /** Its events have the number of this request. */
  | {
      readonly what: "exec";
      readonly name: string;
      readonly program: string;
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly isOpen: boolean;
    }
  /** To the program of an earlier `exec`; without data, its input has ended. */
  | { readonly what: "write"; readonly exec: number; readonly data?: string }
  | { readonly what: "kill"; readonly exec: number };

export type Request = { readonly id: number; readonly asked: Asked };

export type ExecTold =
  | { readonly kind: "started"; readonly pid: number }
  | { readonly kind: "stdout" | "stderr"; readonly data: string }
  | { readonly kind: "exited"; readonly code: number }
  | null;

export type Told =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly event: ExecTold };
