// What this node itself is asked, by its clients and by other nodes: its own tools, as long as it may speak for its sessions.

import { Failure } from "../failure.ts";
import { type ToolErrors, tellFailure } from "../mcp/tool.ts";
import type { CallContext, ToolAnswer, ToolSet } from "../mcp/tool-set.ts";
import { namedIn } from "./named.ts";
import type { Placed } from "./peers/wire.ts";
import type { Standing } from "./port.ts";
import type { Principals } from "./principals.ts";
import type { SessionOf } from "./session-asked.ts";
import type { Waiting } from "./waiting.ts";

export type OwnToolsOptions = {
  readonly local: ToolSet;
  readonly standing: () => Standing;
  readonly principals: Principals;
  /** Where the registry can be asked for those that wait for room here. */
  readonly waits?: { readonly waiting: Waiting; readonly sessionOf: SessionOf };
  readonly toolErrors: ToolErrors;
};

export interface OwnTools {
  readonly local: ToolSet;
  /** Not where others may have said that the sessions of this node are lost. */
  readonly isServing: boolean;
  /** Throws Failure `connection` where it is not. */
  mayServe(): void;
  /**
   * A call of a tool that concerns a session of this node, or opens one. As `ToolSet.call`. `placed`: where it is to open one that was placed here; rejects
   * with RoomElsewhere, too, then.
   */
  call(name: string, args: unknown, context: CallContext, placed?: Placed): ToolAnswer | Promise<ToolAnswer>;
}

export function createOwnTools({ local, standing, principals, waits, toolErrors }: OwnToolsOptions): OwnTools {
  return {
    local,
    get isServing() {
      return standing() !== "lost";
    },
    mayServe() {
      if (!this.isServing) throw cutOff();
    },
    call(name, args, context, placed) {
      if (!this.isServing) return tellFailure(cutOff(), context, toolErrors);
      const answer = placed === undefined ? local.call(name, args, context) : callPlaced(name, args, context, placed);
      return answer instanceof Promise ? answer.then((told) => asServed(told, context)) : answer;
    },
  };

  /** What a failure of ours tells, others may tell as well. */
  function asServed(answer: ToolAnswer, context: CallContext): ToolAnswer {
    if (standing() !== "lost" || context.account.failure !== undefined) return answer;
    return tellFailure(overtaken(), context, toolErrors);
  }

  async function callPlaced(name: string, args: unknown, context: CallContext, placed: Placed): Promise<ToolAnswer> {
    const { principal } = context;
    using _ = principals.expect(principal, placed);
    if (waits === undefined || placed.mayMove !== true) return await local.call(name, args, context);
    const call = { session: waits.sessionOf(namedIn(args), principal), reservation: placed.reservation };
    return await waits.waiting.during(call, () => local.call(name, args, context));
  }
}

/** Cut off while the call ran. */
function overtaken(): Failure {
  const what =
    "this node was cut off from the others while your call ran, and they may have said that its sessions are lost. " +
    "Whether it was carried out is not known.";
  return new Failure("connection", what, { advice: ["Look with get_sessions before you repeat it."] });
}

function cutOff(): Failure {
  const what = "this node has been cut off from the others, who may have said that its sessions are lost.";
  return new Failure("connection", what, {
    advice: ["Try again in some seconds.", "If that fails, start a new session by leaving session_id out."],
  });
}
