// What can happen that somebody may want to know of: log and metrics subscribe, the domain only emits.

export type Event =
  | { readonly type: "server.listening"; readonly url: string; readonly backend: string; readonly auth: string }
  /** How sandboxes are held to their size on this machine. */
  | { readonly type: "server.limits"; readonly mechanism: string }
  | { readonly type: "server.stopping"; readonly signal: string }
  | { readonly type: "server.warning"; readonly message: string }
  | {
      readonly type: "session.opened";
      readonly sessionId: string;
      readonly template: string;
      readonly flavor: string;
      readonly bootMs: number;
    }
  | { readonly type: "session.failed"; readonly sessionId: string; readonly reason: string }
  | { readonly type: "session.closed"; readonly sessionId: string; readonly reason: string }
  | { readonly type: "sandbox.lost"; readonly sessionId: string; readonly reason: string }
  | {
      readonly type: "execution.ended";
      readonly sessionId: string;
      readonly kind: "code" | "command";
      readonly ended: string;
      readonly success: boolean;
      readonly durationMs: number;
    }
  | { readonly type: "request.refused"; readonly reason: string; readonly status: number }
  | { readonly type: "request.failed"; readonly requestId: string; readonly error: unknown };

export type Emit = (event: Event) => void;
