// What can happen that somebody may want to know of: log and metrics subscribe, the domain only emits.

export type Event =
  | { readonly type: "server.listening"; readonly url: string; readonly backend: string; readonly auth: string }
  /** How sandboxes are held to their size on this machine. */
  | { readonly type: "server.limits"; readonly mechanism: string }
  /** It does not start. `cause` is what lies underneath, for the operator. */
  | { readonly type: "server.refused"; readonly reason: string; readonly cause: string }
  /** Sandboxes of it cannot be had here, so it is not offered. `cause` as of `session.failed`. */
  | {
      readonly type: "template.refused";
      readonly template: string;
      readonly reason: string;
      readonly cause?: string | undefined;
    }
  /** One of this machine's that sandboxes use; told when it is first looked at, and after it has changed. */
  | {
      readonly type: "interpreter.found";
      readonly language: string;
      readonly path: string;
      readonly version: string;
    }
  /** The packages of a template, for all its sandboxes. */
  | {
      readonly type: "layer.built";
      readonly template: string;
      readonly packages: number;
      readonly bytes: number;
      readonly buildMs: number;
    }
  | { readonly type: "layer.failed"; readonly template: string; readonly reason: string }
  /** Others took its room: all may have `maxBytes`. */
  | { readonly type: "layer.removed"; readonly template: string; readonly bytes: number; readonly maxBytes: number }
  | CacheRemoved
  | { readonly type: "server.stopping"; readonly signal: string }
  /** No new sessions are opened from now on; those that there are may go on for so long, or (null) to their own end. */
  | { readonly type: "drain.begun"; readonly by: "operator" | "registry" | "stop"; readonly timeoutMs: number | null }
  | { readonly type: "drain.taken_back" }
  /** The server ends; so many go on for the next one, and so many are ended with it. */
  | { readonly type: "sessions.kept"; readonly sessions: number; readonly ended: number }
  | { readonly type: "server.warning"; readonly message: string }
  | {
      readonly type: "session.opened";
      readonly sessionId: string;
      readonly principal: string;
      readonly template: string;
      readonly flavor: string;
      readonly bootMs: number;
      /** Its sandbox was there before it was asked for. */
      readonly isAhead: boolean;
    }
  /** It never had a sandbox. `cause` is what lies underneath, for the operator: bubblewrap's own words, a server's answer. */
  | {
      readonly type: "session.failed";
      readonly sessionId: string;
      readonly reason: string;
      readonly cause?: string | undefined;
    }
  /** Nothing of its sandbox is left. */
  | {
      readonly type: "session.closed";
      readonly sessionId: string;
      readonly principal: string;
      readonly template: string;
      readonly flavor: string;
      readonly reason: "stopped" | "expired" | "evicted" | "lost" | "shutdown";
      /** What else is known: what an eviction made room for, why a sandbox was lost. */
      readonly detail?: string | undefined;
      readonly executions: number;
      /** From its opening until it began to end. */
      readonly aliveMs: number;
    }
  /** A session of an earlier process goes on with the sandbox that outlived it. */
  | {
      readonly type: "sandbox.adopted";
      readonly sessionId: string;
      readonly template: string;
      readonly flavor: string;
      readonly adoptMs: number;
    }
  /** A sandbox of this installation that nobody claims. */
  | { readonly type: "orphan.found"; readonly name: string; readonly ageMs: number | null }
  | { readonly type: "orphan.removed"; readonly name: string }
  | { readonly type: "orphan.kept"; readonly name: string; readonly reason: string }
  | {
      readonly type: "admission.refused";
      readonly principal: string;
      /** Which limit: of the server or of the principal, on what. */
      readonly scope: "server" | "principal";
      readonly resource: "sessions" | "memory" | "queue";
      /** It could not be admitted however long it waited. */
      readonly isImpossible: boolean;
    }
  /** An idle session is ended for a new one: for whose limit, and on what. `session.closed` follows. */
  | {
      readonly type: "session.evicted";
      readonly sessionId: string;
      readonly principal: string;
      readonly scope: "server" | "principal";
      readonly resource: "sessions" | "memory";
    }
  /** A new session waited for room, in the queue or until what it took the room of was gone. */
  | {
      readonly type: "admission.waited";
      readonly principal: string;
      readonly waitedMs: number;
      readonly admitted: boolean;
    }
  /** A sandbox that nobody asked for yet is ready. */
  | {
      readonly type: "pool.filled";
      readonly sessionId: string;
      readonly template: string;
      readonly flavor: string;
      readonly bootMs: number;
    }
  /** A session of a kind that is booted ahead found none ready; one that finds one is a `session.opened` that is ahead. */
  | { readonly type: "pool.missed"; readonly template: string; readonly flavor: string }
  | {
      readonly type: "pool.failed";
      readonly template: string;
      readonly flavor: string;
      readonly reason: string;
      /** As of `session.failed`. */
      readonly cause?: string | undefined;
      /** How long the pool waits before it boots again. */
      readonly retryMs: number;
    }
  /** A sandbox that nobody had asked for yet ended underneath. */
  | {
      readonly type: "pool.lost";
      readonly sessionId: string;
      readonly template: string;
      readonly flavor: string;
      readonly reason: string;
    }
  /** What a restart must know is kept in memory only, from now on or until `ledger.restored`. */
  | { readonly type: "ledger.degraded"; readonly reason: string }
  | { readonly type: "ledger.restored" }
  /** The audit file did not take what there was to write; it is tried again. `reason` is the system's code: ENOSPC. */
  | { readonly type: "audit.failed"; readonly reason: string }
  | { readonly type: "audit.restored" }
  /** So many executions and transfers will not be in the audit file: too much waited for it, or the server stopped before it could be written. */
  | { readonly type: "audit.lost"; readonly executions: number }
  | { readonly type: "sandbox.lost"; readonly sessionId: string; readonly reason: string }
  /** A connection out of a sandbox was refused: by which rule of the policy or the proxy, one of a fixed set. Host and port are as asked for; empty where none were. */
  | {
      readonly type: "network.refused";
      readonly sessionId: string;
      readonly rule: string;
      readonly host: string;
      readonly port: number;
    }
  /** A connection out of a sandbox that reached its host is over. */
  | {
      readonly type: "network.closed";
      readonly sessionId: string;
      readonly host: string;
      readonly port: number;
      readonly sentBytes: number;
      readonly receivedBytes: number;
      readonly durationMs: number;
    }
  | ExecutionEnded
  | CallEnded
  | TransferEnded
  /** This node has taken its lease in the registry. */
  | {
      readonly type: "cluster.joined";
      readonly nodeId: string;
      readonly address: string;
      readonly epoch: number;
    }
  /** It has no lease, and the registry gives it none. */
  | { readonly type: "cluster.refused"; readonly reason: string }
  /** A call that belongs to another node was handed on to it. */
  | {
      readonly type: "cluster.forwarded";
      readonly node: string;
      /** The tool; `resources/read` and `tasks` for what is none. */
      readonly what: string;
      /** `answered`: by whatever answer. `unreachable`: it was not, or broke off. `canceled`: by its caller, before. */
      readonly outcome: "answered" | "declined" | "unreachable" | "canceled";
      readonly durationMs: number;
    }
  /** `Standing` of src/cluster/port.ts. */
  | {
      readonly type: "cluster.standing";
      readonly standing: "held" | "unreachable" | "lost";
      readonly why: string;
      /** What the registry, or the way to it, said when it was asked last. */
      readonly reason?: string;
    }
  /** The registry was asked; `call` is one of a fixed set. */
  | {
      readonly type: "registry.called";
      readonly call: string;
      readonly outcome: "answered" | "unreachable" | "failed";
      readonly durationMs: number;
    }
  /** A client cancelled what it has not asked, or what has been answered. */
  | { readonly type: "cancel.unmatched" }
  /** Bytes of a request's body, once it has been read. */
  | { readonly type: "request.received"; readonly bytes: number }
  /** Bytes of an answer's body, event streams included: those once they are over. */
  | { readonly type: "response.sent"; readonly bytes: number }
  /** Answered with an HTTP error, at the door or by the endpoint. `reason` is one of a fixed set: nothing of the request's own text is in it. */
  | { readonly type: "request.refused"; readonly reason: string; readonly status: number }
  | { readonly type: "request.failed"; readonly requestId: string; readonly error: unknown };

/** A run that began has ended, well or badly. */
export type ExecutionEnded = {
  readonly type: "execution.ended";
  readonly executionId: string;
  readonly sessionId: string;
  /** A name, never a token. */
  readonly principal: string;
  readonly template: string;
  readonly flavor: string;
  readonly kind: "code" | "command";
  /** CONTRACT.md section 5; "failed" if its sandbox was lost or could not be reached. */
  readonly ended: string;
  readonly success: boolean;
  readonly exitCode: number | null;
  /** Waited for a place and for a turn. */
  readonly queueMs: number;
  /** Waited for the sandbox; null for a run in one that was there. */
  readonly bootMs: number | null;
  readonly runMs: number;
  /** What the program wrote, what was left out of the result included. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly truncatedBytes: number;
  /** A function, so that only a subscriber that means to has it: it is in no log line. */
  readonly source: () => string;
};

/** Bytes of a session's files have come or gone over HTTP, or between it and a folder of this machine. */
export type TransferEnded = {
  readonly type: "transfer.ended";
  readonly sessionId: string;
  readonly principal: string;
  /** By a signed URL, by a token (or none where none is needed), or through `--transfer-dir`. */
  readonly way: "signed" | "token" | "folder";
  readonly direction: "upload" | "download";
  /** A function, as `ExecutionEnded.source`. */
  readonly path: () => string;
  readonly bytes: number;
  readonly outcome: "whole" | "broken_off" | "refused";
  readonly durationMs: number;
};

/** A tool call has its result or its error. */
export type CallEnded = {
  readonly type: "call.ended";
  readonly requestId: string;
  /** "unknown" for a name that is no tool's. */
  readonly tool: string;
  readonly principal: string;
  /** "success", "unsuccessful" (a result with `isError`), "canceled", "protocol_error", or the kind of Failure. */
  readonly outcome: string;
  /** From the request's arrival. */
  readonly durationMs: number;
  /** Of that, what was neither waiting nor running: reading, checking, telling. Null for calls that ran nothing. */
  readonly wireMs: number | null;
};

/** Of the downloads that sandboxes of a principal share. */
export type CacheRemoved = {
  readonly type: "cache.removed";
  readonly bytes: number;
  /** What it may have, or all together may. */
  readonly maxBytes: number;
  /**
   * It was beyond its principal's share; all together were beyond what they may have; the disk has little left; or it was far beyond its share, or
   * had more files than any installer's.
   */
  readonly why: "share" | "total" | "disk" | "flood";
};

export type Emit = (event: Event) => void;
