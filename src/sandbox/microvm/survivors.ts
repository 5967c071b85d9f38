// The microVMs of this installation that the runtime has, whoever made them.

import type { SandboxHandle } from "microsandbox";
import type { Survivor } from "../port.ts";
import { installationLabel, sessionOf } from "./names.ts";
import type { Microsandbox } from "./runtime/load.ts";

const pageSize = 100;
/** Bounds one listing, in pages. */
const pageLimit = 100;

/** Throws what the runtime throws. */
export async function listMachines({ Sandbox }: Microsandbox, installationId: string): Promise<readonly Survivor[]> {
  const found: Survivor[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pageLimit; page++) {
    const from = cursor;
    const answer = await Sandbox.listWith((list) => {
      const labelled = list.label(installationLabel, installationId).limit(pageSize);
      return from === undefined ? labelled : labelled.cursor(from);
    });
    found.push(...answer.sandboxes.map((handle) => survivor(handle, installationId)));
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  // By the name as well: a label is whatever somebody has written.
  return found.filter(({ sessionId }) => sessionId !== null);
}

function survivor({ name, createdAt }: SandboxHandle, installationId: string): Survivor {
  return { name, sessionId: sessionOf(name, installationId), createdAtMs: createdAt?.getTime() ?? null };
}
