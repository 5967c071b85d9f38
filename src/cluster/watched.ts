// The registry with somebody looking on: each call is told as an event, with its time and what came of it.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { type Registry, RegistryUnreachable } from "./port.ts";

export function watchedRegistry(registry: Registry, clock: Clock, emit: Emit): Registry {
  async function told<T>(call: string, asked: () => Promise<T>): Promise<T> {
    const sinceMs = clock.monotonicMs();
    const tell = (outcome: "answered" | "unreachable" | "failed") =>
      emit({ type: "registry.called", call, outcome, durationMs: clock.monotonicMs() - sinceMs });
    try {
      const answer = await asked();
      tell("answered");
      return answer;
    } catch (error) {
      tell(error instanceof RegistryUnreachable ? "unreachable" : "failed");
      throw error;
    }
  }
  return {
    register: (...about) => told("register", () => registry.register(...about)),
    renew: (...about) => told("renew", () => registry.renew(...about)),
    leave: (...about) => told("leave", () => registry.leave(...about)),
    node: (...about) => told("node", () => registry.node(...about)),
    nodes: () => told("nodes", () => registry.nodes()),
    requestDrain: (...about) => told("requestDrain", () => registry.requestDrain(...about)),
    place: (...about) => told("place", () => registry.place(...about)),
    placeAgain: (...about) => told("placeAgain", () => registry.placeAgain(...about)),
    giveBack: (...about) => told("giveBack", () => registry.giveBack(...about)),
    tellPrincipal: (...about) => told("tellPrincipal", () => registry.tellPrincipal(...about)),
    sessionsOf: (...about) => told("sessionsOf", () => registry.sessionsOf(...about)),
    announce: (...about) => told("announce", () => registry.announce(...about)),
    listen: (listener) => registry.listen(listener),
    endedMcpSessions: () => told("endedMcpSessions", () => registry.endedMcpSessions()),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}
