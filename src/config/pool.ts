// The kind of `--pool`: how many sandboxes of what are to be ready ahead.

import { type Flavor, flavorNames } from "../sandbox/flavors.ts";
import type { Template } from "../sandbox/templates.ts";
import { itemsOf, type Kind, quote } from "./kinds.ts";

export type PoolShare = { readonly template: string; readonly flavor: Flavor; readonly count: number };

/** Of one kind. What fits all in all is a matter of `--max-sessions`. */
const maxCount = 1000;

const rule = `TEMPLATE:FLAVOR=COUNT, several as a comma list; COUNT is a whole number from 1 to ${maxCount}`;

/** Whether there is such a template, and such room, is a rule between options. */
export const poolShares: Kind<readonly PoolShare[]> = {
  rule,
  placeholder: "TEMPLATE:FLAVOR=COUNT",
  repeatable: true,
  show: quote,
  read: (texts) => {
    const shares: PoolShare[] = [];
    const reasons: string[] = [];
    for (const item of texts.flatMap(itemsOf)) {
      const share = shareOf(item);
      if (share === undefined) reasons.push(`${quote(item)} is not allowed; it must be ${rule}`);
      else if (shares.some((other) => other.template === share.template && other.flavor === share.flavor)) {
        reasons.push(`${quote(item)}: ${share.template}:${share.flavor} has a count already; allowed is one`);
      } else shares.push(share);
    }
    return reasons.length === 0 ? { ok: true, value: shares } : { ok: false, reasons };
  },
};

/** What is asked for of templates that are not there, a message a share. */
export function unknownShares(shares: readonly PoolShare[], templates: readonly Template[]): readonly string[] {
  const names = templates.map(({ name }) => name);
  return shares
    .filter(({ template }) => !names.includes(template))
    .map(({ template }) => `--pool (MSB_MCP_POOL): there is no template ${template}; allowed are ${names.join(", ")}`);
}

function shareOf(item: string): PoolShare | undefined {
  const [, template = "", name, count] = /^([\w-]+):(\w+)=([1-9]\d{0,3})$/.exec(item) ?? [];
  const flavor = flavorNames.find((candidate) => candidate === name);
  return flavor === undefined || Number(count) > maxCount ? undefined : { template, flavor, count: Number(count) };
}
