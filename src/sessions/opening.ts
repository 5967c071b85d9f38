// A new session, from what a caller asks for to the sandbox that it runs in: its place, the id that is written down, the boot.

import type { Emit } from "../events.ts";
import { causeOf, Failure } from "../failure.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { Sandbox } from "../sandbox/port.ts";
import { defaultTemplate, type Template } from "../sandbox/templates.ts";
import type { Admission, Place } from "./admission.ts";
import type { Ahead, Pool } from "./ahead.ts";
import { type BootOptions, bootFor } from "./boot.ts";
import type { Need } from "./eviction.ts";
import type { Phases } from "./execution.ts";
import { newSessionId } from "./ids.ts";
import type { Ledger } from "./ledger.ts";
import { findTemplate } from "./matching.ts";
import type { Session } from "./session.ts";
import type { SessionTable } from "./table.ts";

export type OpeningOptions = BootOptions & {
  readonly emit: Emit;
  readonly installationId: string;
  readonly admission: Admission;
  readonly ledger: Ledger;
  readonly pool?: Pool | undefined;
  readonly templates: readonly Template[];
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
};

export type Wanted = {
  readonly principal: string;
  readonly template: string | undefined;
  readonly flavor: Flavor | undefined;
  /** Aborts when the caller leaves. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((message: string) => void) | undefined;
};

export type Opened = {
  readonly session: Session;
  /** To be called once something has been started in it: until then it is held. */
  readonly release: () => void;
  /** What the call waited for until it was one; undefined if for nothing. */
  readonly waited: Omit<Phases, "runMs"> | undefined;
};

export class Opening {
  readonly #options: OpeningOptions;
  readonly #table: SessionTable;
  /** Aborted, with a Failure, when no more sessions are opened. */
  readonly #closing: AbortSignal;

  constructor(options: OpeningOptions, table: SessionTable, closing: AbortSignal) {
    this.#options = options;
    this.#table = table;
    this.#closing = closing;
  }

  /** Throws what Admission.reserve and bootFor do, `invalid_arguments` for a template that is not there, and the reason of `closing`. */
  async open(wanted: Wanted): Promise<Opened> {
    const { clock, emit, admission, templates, flavors, defaultFlavor } = this.#options;
    const { principal, signal, onProgress } = wanted;
    const template = findTemplate(templates, wanted.template ?? defaultTemplate(templates));
    const flavor = wanted.flavor ?? defaultFlavor;
    if (signal.aborted) throw signal.reason;
    const cameMs = clock.monotonicMs();
    const need = { principal, memoryMib: flavors[flavor].memoryMib };
    const ahead = this.#takeAhead(template, flavor, need);
    const place = ahead?.place ?? (await admission.reserve({ ...need, what: `a new ${flavor} session` }, signal));
    const queueMs = clock.monotonicMs() - cameMs;
    if (this.#closing.aborted) {
      place.free();
      throw this.#closing.reason;
    }
    const session = this.#begin(principal, template, flavor, place, ahead?.sessionId);
    const release = session.hold();
    if (ahead !== undefined) {
      this.#opened(session, ahead.sandbox, { bootMs: 0, isAhead: true });
      return { session, release, waited: undefined };
    }
    try {
      const spec = { sessionId: session.id, template, resources: flavors[flavor], onProgress };
      const { sandbox, bootMs } = await bootFor(session, spec, signal, this.#options);
      this.#opened(session, sandbox, { bootMs, isAhead: false });
      return { session, release, waited: { queueMs, bootMs } };
    } catch (error) {
      release();
      emit({ type: "session.failed", sessionId: session.id, ...whyFailed(error, signal) });
      void this.#table.end(session, "lost", "its sandbox never started");
      throw error;
    }
  }

  #takeAhead(template: Template, flavor: Flavor, need: Need): Ahead | undefined {
    const { pool, admission } = this.#options;
    return pool !== undefined && admission.mayTakeOver(need) ? pool.take(template.name, flavor) : undefined;
  }

  #begin(principal: string, { name: template }: Template, flavor: Flavor, place: Place, ahead?: string): Session {
    const { clock, installationId, ledger } = this.#options;
    const sessionId = ahead ?? newSessionId(installationId);
    const createdAt = clock.now();
    const entry = { sessionId, principal, template, flavor, createdAt, lastUsed: createdAt };
    // Before anybody can see the id.
    ledger.opened({ ...entry, executions: 0, sandboxName: null });
    return this.#table.add({ id: sessionId, principal, template, flavor, createdAt }, place);
  }

  #opened(session: Session, sandbox: Sandbox, how: { readonly bootMs: number; readonly isAhead: boolean }): void {
    this.#table.adopt(session, sandbox, true);
    const { id: sessionId, principal, template, flavor } = session;
    this.#options.emit({ type: "session.opened", sessionId, principal, template, flavor, ...how });
  }
}

/** For the log: a caller who left is no failure of the sandbox. */
function whyFailed(error: unknown, callerLeaves: AbortSignal) {
  if (callerLeaves.aborted && !(error instanceof Failure)) return { reason: "canceled" };
  return { reason: error instanceof Error ? error.message : String(error), cause: causeOf(error) };
}
