// How a session comes to be: a place for it, its entry in the ledger, and a sandbox, booted ahead or for it.

import { causeOf, Failure } from "../failure.ts";
import type { Flavor } from "../sandbox/flavors.ts";
import type { Sandbox, SandboxSpec } from "../sandbox/port.ts";
import { defaultTemplate, type Template } from "../sandbox/templates.ts";
import type { Place } from "./admission.ts";
import type { Ahead } from "./ahead.ts";
import { bootFor } from "./boot.ts";
import type { Need } from "./eviction.ts";
import { newSessionId } from "./ids.ts";
import type { Entry } from "./ledger-rows.ts";
import { findTemplate } from "./matching.ts";
import type { SessionsOptions } from "./options.ts";
import { shuttingDown } from "./refusal.ts";
import type { Returning, Returns } from "./restart.ts";
import type { Boot, Session, Waited } from "./session.ts";
import type { SessionTable } from "./table.ts";

export type OpenRequest = {
  readonly principal: string;
  readonly template: string | undefined;
  readonly flavor: Flavor | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((message: string) => void) | undefined;
};

export type Opening = {
  readonly session: Session;
  /** To be called once something has been started in it, or will not be. */
  readonly release: () => void;
  /** Boots its sandbox, unless it has one: to be called once. Throws what `bootFor` does; the session is ended then. */
  readonly boot: Boot;
};

export type OpeningsOptions = SessionsOptions & {
  readonly table: SessionTable;
  /** Aborts when no more sessions are to be opened. */
  readonly closing: AbortSignal;
};

export class Openings {
  readonly #options: OpeningsOptions;

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  /**
   * Waits for room, and takes it.
   *
   * Throws Failure `invalid_arguments` for an unknown template, `limit_reached`, `sandbox_creation` if the server is shutting down or takes no new
   * sessions; the signal's reason.
   */
  async open(request: OpenRequest): Promise<Opening> {
    const { clock, templates, flavors, defaultFlavor, admission, executions, closing, draining } = this.#options;
    const template = findTemplate(templates, request.template ?? defaultTemplate(templates));
    const flavor = request.flavor ?? defaultFlavor;
    // Who waits for room is refused when it begins, too.
    const signal = AbortSignal.any([request.signal, draining.signal]);
    if (signal.aborted) throw signal.reason;
    const cameMs = clock.monotonicMs();
    const need = { principal: request.principal, memoryMib: flavors[flavor].memoryMib };
    const ahead = this.#takeAhead(template, flavor, need);
    const asking = { ...need, what: `a new ${flavor} session` };
    const place = ahead?.place ?? (await admission.reserve(asking, signal));
    const queueMs = clock.monotonicMs() - cameMs;
    if (closing.aborted) {
      place.free();
      throw shuttingDown();
    }
    const session = this.#begin(request.principal, template, flavor, place, ahead?.sessionId);
    const release = session.hold();
    if (ahead !== undefined) {
      this.#opened(session, ahead.sandbox, { bootMs: 0, isAhead: true });
      return { session, release, boot: () => Promise.resolve(undefined) };
    }
    const { onProgress } = request;
    const spec = {
      sessionId: session.id,
      principal: request.principal,
      template,
      resources: flavors[flavor],
      onProgress,
      ...executions.hearing(session.id),
    };
    return { session, release, boot: (signal) => this.#boot(session, spec, signal, queueMs) };
  }

  /** A session of an earlier process, whose sandbox may live. */
  expect(entry: Entry, { template, sandboxName }: Returns): Returning {
    const { flavors, admission, executions, table } = this.#options;
    const { sessionId: id, principal, flavor, createdAt } = entry;
    const resources = flavors[flavor];
    const place = admission.restore({ principal, memoryMib: resources.memoryMib });
    const session = table.add({ id, principal, template: template.name, flavor, createdAt, past: entry }, place);
    return { session, sandboxName, spec: { sessionId: id, principal, template, resources, ...executions.hearing(id) } };
  }

  async #boot(session: Session, spec: SandboxSpec, signal: AbortSignal, queueMs: number): Promise<Waited> {
    const { emit, table } = this.#options;
    try {
      const { sandbox, bootMs } = await bootFor(session, spec, signal, this.#options);
      this.#opened(session, sandbox, { bootMs, isAhead: false });
      return { queueMs, bootMs };
    } catch (error) {
      emit({ type: "session.failed", sessionId: session.id, ...whyFailed(error, signal) });
      void table.end(session, "lost", "its sandbox never started");
      throw error;
    }
  }

  #takeAhead(template: Template, flavor: Flavor, need: Need): Ahead | undefined {
    const { pool, admission } = this.#options;
    return pool !== undefined && admission.mayTakeOver(need)
      ? pool.take(template.name, flavor, need.principal)
      : undefined;
  }

  #begin(principal: string, { name: template }: Template, flavor: Flavor, place: Place, ahead?: string): Session {
    const { clock, installationId, ledger, table } = this.#options;
    const sessionId = ahead ?? newSessionId(installationId);
    const createdAt = clock.now();
    const entry = { sessionId, principal, template, flavor, createdAt, lastUsed: createdAt };
    // Before anybody can see the id.
    ledger.opened({ ...entry, executions: 0, sandboxName: null });
    return table.add({ id: sessionId, principal, template, flavor, createdAt }, place);
  }

  #opened(session: Session, sandbox: Sandbox, how: { readonly bootMs: number; readonly isAhead: boolean }): void {
    const { table, emit } = this.#options;
    table.adopt(session, sandbox, true);
    const { id: sessionId, principal, template, flavor } = session;
    emit({ type: "session.opened", sessionId, principal, template, flavor, ...how });
  }
}

/** For the log: a caller who left is no failure of the sandbox. */
function whyFailed(error: unknown, callerLeaves: AbortSignal) {
  if (callerLeaves.aborted && !(error instanceof Failure)) return { reason: "canceled" };
  return { reason: error instanceof Error ? error.message : String(error), cause: causeOf(error) };
}
