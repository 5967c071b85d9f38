// The program that every Node.js of a sandbox with a way out loads first, joined of its modules.

import { joinCommonJs } from "../../../runner/join.ts";
import agents from "./agents.cjs" with { type: "text" };
import fetching from "./fetch.cjs" with { type: "text" };
import tunnel from "./tunnel.cjs" with { type: "text" };

export function proxiedNode(): string {
  return joinCommonJs([tunnel, fetching, agents]);
}
