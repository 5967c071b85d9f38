// One server of several that the same clients speak to through one address: what its endpoint tells the others and hears from them. Nothing a
// call waits for, and nothing that can fail one: what is not told is a cancellation that does not arrive, or an ended MCP session that is still taken.

import type { RequestId } from "@modelcontextprotocol/sdk/types.js";
import type { Caller } from "./caller.ts";
import type { Beating, Pulse } from "./pulse.ts";

export type Announced =
  | {
      readonly type: "request.cancelled";
      readonly mcpSessionId: string;
      readonly requestId: RequestId;
      readonly reason: string;
    }
  | { readonly type: "mcp_session.ended"; readonly mcpSessionId: string };

/** What reaches all nodes but the one that says it. All of it may reject. */
export type Bus = {
  announce(announced: Announced): Promise<void>;
  listen(listener: (announced: Announced) => void): Disposable;
  /** The newest last; bounded. */
  endedMcpSessions(): Promise<readonly string[]>;
};

export type McpNode = {
  /** In the ids of events, so that it can be told whose stream they are of: letters and digits. */
  readonly id: string;
  readonly bus: Bus;
  /**
   * Asks another node for the rest of a stream that it keeps (`McpEndpoint.resume`). Undefined if it cannot be asked: what it keeps is as unknown then as what
   * nobody keeps.
   */
  readonly resumeElsewhere?: (nodeId: string, request: Request, caller: Caller) => Promise<Response | undefined>;
};

/** Announcements on their way at a time; what is said beyond it is not told. */
const maxOnTheWay = 256;
/** Of a request's id, which is the client's own to choose. UTF-16 code units. */
const maxIdLength = 200;
/** How often the ended MCP sessions are asked for, for those whose announcement was missed. Milliseconds. */
const catchUpMs = 5 * 60_000;

export class OtherNodes implements Beating, Disposable {
  readonly #bus: Bus;
  readonly #pulse: Pulse;
  readonly #hear: (announced: Announced) => void;
  readonly #listening: Disposable;
  #onTheWay = 0;
  #isAsking = false;
  #askedMs: number;

  constructor(bus: Bus, pulse: Pulse, hear: (announced: Announced) => void) {
    this.#bus = bus;
    this.#pulse = pulse;
    this.#hear = hear;
    this.#listening = bus.listen(hear);
    this.#askedMs = pulse.clock.monotonicMs();
    void this.#catchUp();
    pulse.add(this);
  }

  /** False if it is not told: too much is on its way, or it is too large. Never throws. */
  tell(announced: Announced): boolean {
    if (this.#onTheWay >= maxOnTheWay || !isSmall(announced)) return false;
    void this.#tell(announced);
    return true;
  }

  beat(nowMs: number): void {
    if (nowMs - this.#askedMs < catchUpMs || this.#isAsking) return;
    this.#askedMs = nowMs;
    void this.#catchUp();
  }

  [Symbol.dispose](): void {
    this.#pulse.delete(this);
    this.#listening[Symbol.dispose]();
  }

  async #tell(announced: Announced): Promise<void> {
    this.#onTheWay++;
    try {
      await this.#bus.announce(announced);
    } catch {
      // Those who miss an ended session catch up.
    } finally {
      this.#onTheWay--;
    }
  }

  async #catchUp(): Promise<void> {
    this.#isAsking = true;
    try {
      for (const mcpSessionId of await this.#bus.endedMcpSessions()) {
        this.#hear({ type: "mcp_session.ended", mcpSessionId });
      }
    } catch {
      // It is asked again.
    } finally {
      this.#isAsking = false;
    }
  }
}

function isSmall(announced: Announced): boolean {
  const id = announced.type === "request.cancelled" ? announced.requestId : 0;
  return typeof id === "number" || id.length <= maxIdLength;
}
