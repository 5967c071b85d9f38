// Sandboxes of this installation that the server still runs, whichever process of ours has started them. They can be found and
// ended; nobody can take one over, because what drives its interpreter has gone with its process. They are looked for where they can be: to
// ask for all that the server has would make it open every namespace that anybody ever had.

import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import type { Survivor, Survivors } from "../port.ts";
import { CallError } from "./call-error.ts";
import type { Client } from "./client.ts";
import { endForGood } from "./ending.ts";
import { heldName, parseHeldName, parsePlaceName, placeName } from "./names.ts";
import type { Places } from "./places.ts";

export type SurvivorsOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly places: Places;
  /** So many places this process uses; an earlier one may have used more. */
  readonly count: number;
  /** As it stands in names (`installationTag`). */
  readonly installation: string;
  /** The only namespace that the key is good for; null for any. */
  readonly onlyNamespace: string | null;
  /** Aborts when this process is about to end. */
  readonly parting: AbortSignal;
};

/** Places are used from the first one on: after so many that never were, there is none. */
const gapLength = 8;

export function createSurvivors(options: SurvivorsOptions): Survivors {
  const { client, clock, places, installation, onlyNamespace } = options;
  const placeOf = (sandbox: string) => {
    const parsed = parsePlaceName(sandbox);
    return parsed?.installation === installation ? parsed : null;
  };

  /** What runs in a namespace, by name; null if there is no such namespace. */
  async function runningIn(namespace: string, signal: AbortSignal): Promise<readonly string[] | null> {
    try {
      const { sandboxes } = await client.metrics({ namespace, sandbox: null }, { signal });
      // "Running" without memory is a supervisor that was killed: its entry stays for ever (hazard f).
      const running = sandboxes.filter((one) => one.running && typeof one.memory_usage === "number");
      return running.map(({ name }) => name);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.problem === "rejected") return null;
      // One that is spoiled by a bad entry (hazard b) tells nothing, and lets nothing be started or stopped.
      if (error.problem === "internal") return [];
      throw silence(client.shownUrl, error);
    }
  }

  async function running(least: number, signal: AbortSignal): Promise<readonly string[]> {
    if (onlyNamespace !== null) return (await runningIn(onlyNamespace, signal)) ?? [];
    const found: string[] = [];
    for (let from = 0, absent = 0; from < least || absent < gapLength; from += gapLength) {
      const numbers = Array.from({ length: gapLength }, (_, index) => from + index);
      const names = await Promise.all(numbers.map((number) => runningIn(placeName(installation, number), signal)));
      for (const here of names) {
        absent = here === null ? absent + 1 : 0;
        found.push(...(here ?? []));
      }
    }
    return found;
  }

  /** `known`: the names of sandboxes that sessions of an earlier process had. */
  function survivorOf(sandbox: string, known: readonly string[]): readonly Survivor[] {
    const place = placeOf(sandbox);
    if (place === null) return [];
    const holder = places.holderOf(sandbox);
    if (holder !== undefined) return [{ name: heldName(sandbox, holder), sessionId: holder, createdAtMs: null }];
    // On its way in or out, or clearing a place.
    if (places.isBusy(place.place)) return [];
    const name = known.find((one) => parseHeldName(one).sandbox === sandbox) ?? sandbox;
    return [{ name, sessionId: parseHeldName(name).sessionId, createdAtMs: null, isStray: true }];
  }

  return {
    canAdopt: false,
    async list(signal, known = []) {
      const last = Math.max(-1, ...known.map((name) => placeOf(parseHeldName(name).sandbox)?.place ?? -1));
      const names = await running(Math.max(options.count, last + 1), signal);
      return names.flatMap((name) => survivorOf(name, known));
    },
    async adopt(name) {
      const what = `the sandbox ${name} on the microsandbox server was driven by a process that is gone.`;
      throw new Failure("sandbox_creation", what, { advice: [] });
    },
    async destroy(name, signal) {
      signal.throwIfAborted();
      const { sandbox, sessionId } = parseHeldName(name);
      const place = placeOf(sandbox);
      if (place === null) throw new Failure("connection", `${name} is not a sandbox of this installation.`);
      // Its place is another's by now: it is not there any more.
      if (places.isBusy(place.place) && places.holderOf(sandbox) !== sessionId) return;
      const address = { namespace: onlyNamespace ?? placeName(installation, place.place), sandbox };
      const parting = AbortSignal.any([signal, options.parting]);
      if (!(await endForGood({ client, clock, address, parting, partingMs: 0 }))) {
        throw new Failure("connection", `the sandbox ${name} could not be stopped on the microsandbox server.`);
      }
      places.forget(place.place);
    },
  };
}

function silence(shownUrl: string, cause: CallError): Failure {
  return new Failure("connection", `the microsandbox server at ${shownUrl} does not tell what it runs.`, { cause });
}
