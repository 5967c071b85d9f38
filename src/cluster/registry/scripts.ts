// The scripts that the registry runs, each in one step. Each is sent by the digest of its text, so that versions of msb-mcp with other texts
// work beside this one on the same records.

import announce from "./lua/announce.lua" with { type: "text" };
import drain from "./lua/drain.lua" with { type: "text" };
import ended from "./lua/ended.lua" with { type: "text" };
import giveBack from "./lua/give-back.lua" with { type: "text" };
import leave from "./lua/leave.lua" with { type: "text" };
import node from "./lua/node.lua" with { type: "text" };
import nodes from "./lua/nodes.lua" with { type: "text" };
import place from "./lua/place.lua" with { type: "text" };
import register from "./lua/register.lua" with { type: "text" };
import renew from "./lua/renew.lua" with { type: "text" };
import sessionsOf from "./lua/sessions-of.lua" with { type: "text" };
import shared from "./lua/shared.lua" with { type: "text" };
import tell from "./lua/tell.lua" with { type: "text" };

export type Script = { readonly source: string; readonly sha1: string };

export const scripts = {
  announce: script(announce),
  drain: script(drain),
  ended: script(ended),
  giveBack: script(giveBack),
  leave: script(leave),
  node: script(node),
  nodes: script(nodes),
  place: script(place),
  register: script(register),
  renew: script(renew),
  sessionsOf: script(sessionsOf),
  tell: script(tell),
};

function script(own: string): Script {
  const source = `${shared}\n${own}`;
  return { source, sha1: new Bun.CryptoHasher("sha1").update(source).digest("hex") };
}
