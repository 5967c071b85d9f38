// The places for sandboxes on the server: a bounded set of namespaces and names, each used by one sandbox at a time and cleared of its
// files before the next. The server reads every name that it was ever given on each call, so that new names would make it slower for ever.

import type { Clock } from "../../clock.ts";
import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";
import { parsePlaceName, placeName, sandboxName } from "./names.ts";

export type Place = {
  readonly number: number;
  /** Changes only while nobody has the place. */
  address: Address;
  /**
   * - `unknown`: an earlier process may have used it.
   * - `clean`: nothing is in it.
   * - `taken`: somebody has it, or may still have.
   * - `running`: a sandbox of an earlier process is in it.
   * - `used`: what ran there has ended, and its files are there.
   */
  state: "unknown" | "clean" | "taken" | "running" | "used";
  /** The session that has it. */
  sessionId: string | null;
  /** How many names it has had; those of earlier processes count. */
  turns: number;
  /** The image that it was last used with. */
  image: string | null;
  /** When it was used last, or looked at in vain; by the monotonic clock. */
  sinceMs: number;
};

/** What a place was used for: nothing that was carried out, a boot that no session has got, or a session. Only that leaves files of anybody's. */
export type PlaceUse = "nothing" | "boot" | "session";

export type PlacesOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly installation: string;
  /** The only namespace that the key is good for; null for any. */
  readonly onlyNamespace: string | null;
  readonly count: number;
  /** So many are cleared at once. */
  readonly clearedAtOnce: number;
  /** How long after a sandbox is said to have ended its place is left alone: the server says so before it has. Milliseconds. */
  readonly settleMs: number;
  /** Clears the place's files away; false if that could not be done. Rejects with the signal's reason only. */
  readonly clear: (place: Place, image: string, signal: AbortSignal) => Promise<boolean>;
  /** Called when a place could not be cleared, and is given a new name. */
  readonly onUncleared: (place: Place) => void;
  /** Aborts when the host ends. */
  readonly signal: AbortSignal;
};

/** So many places are kept ready to be taken, as far as there are: clearing one takes as long as a boot. */
const readyPlaces = 4;
/** How long after a place could not be cleared used ones are given new names at once. Milliseconds. */
const clearAgainMs = 600_000;
/** In so many namespaces places are looked at at once. */
const lookedAtAtOnce = 8;
/** How long a place with a sandbox of an earlier process, or one that could not be asked after, is not looked at again. Milliseconds. */
const lookAgainMs = 5_000;

export class Places {
  readonly #options: PlacesOptions;
  readonly #places: readonly Place[];
  readonly #clearing = new Set<Promise<void>>();
  #changed = Promise.withResolvers<void>();
  #lastImage: string | null = null;
  /** No place is cleared before this. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: PlacesOptions) {
    this.#options = options;
    const { installation, onlyNamespace, count } = options;
    this.#places = Array.from({ length: count }, (_, number) => ({
      number,
      address: {
        namespace: onlyNamespace ?? placeName(installation, number),
        sandbox: placeName(installation, number),
      },
      state: "unknown",
      sessionId: null,
      turns: 1,
      image: null,
      sinceMs: Number.NEGATIVE_INFINITY,
    }));
  }

  /** The session that has the sandbox of this name here; undefined if nobody has the place. */
  holderOf(sandbox: string): string | undefined {
    return this.#places.find(({ address }) => address.sandbox === sandbox)?.sessionId ?? undefined;
  }

  /** Whether this process has something in the place: a session's sandbox, or what clears it. */
  isBusy(number: number): boolean {
    return this.#places[number]?.state === "taken";
  }

  /** What was running in it has been ended. */
  forget(number: number): void {
    const place = this.#places[number];
    if (place?.state !== "running") return;
    place.state = "unknown";
    place.sinceMs = Number.NEGATIVE_INFINITY;
    this.#change();
  }

  /** A clean place, as soon as there is one. Throws CallError if the server cannot be asked, or the signal's reason. */
  async take(image: string, sessionId: string, signal: AbortSignal): Promise<Place> {
    this.#lastImage = image;
    for (;;) {
      signal.throwIfAborted();
      const place = this.#places.find(({ state }) => state === "clean");
      if (place !== undefined) {
        place.state = "taken";
        place.sessionId = sessionId;
        place.image = image;
        this.#clearSome();
        return place;
      }
      if (await this.#lookAtSome(signal)) continue;
      this.#clearSome();
      await this.#untilChange(signal);
    }
  }

  /** Given back by whoever had taken it; what was in it has ended. */
  giveBack(place: Place, after: PlaceUse): void {
    place.sessionId = null;
    place.sinceMs = this.#options.clock.monotonicMs();
    if (after === "boot") {
      void this.#settle(place);
      return;
    }
    place.state = after === "session" ? "used" : "clean";
    this.#change();
    this.#clearSome();
  }

  async #settle(place: Place): Promise<void> {
    const { clock, settleMs, signal } = this.#options;
    await clock.sleep(settleMs, signal).catch(() => {});
    place.state = "clean";
    this.#change();
  }

  /** Resolves when nothing is being cleared any more. */
  async settled(): Promise<void> {
    while (this.#clearing.size > 0) await Promise.all(this.#clearing);
  }

  /** Finds out what some places hold that an earlier process may have used. False if there is none to look at now. */
  async #lookAtSome(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const isDue = ({ sinceMs }: Place) => clock.monotonicMs() - sinceMs >= lookAgainMs;
    const due = this.#places.filter((one) => (one.state === "unknown" || one.state === "running") && isDue(one));
    const namespaces = [...new Set(due.map(({ address }) => address.namespace))].slice(0, lookedAtAtOnce);
    await Promise.all(namespaces.map((namespace) => this.#lookAt(namespace, signal)));
    return namespaces.length > 0;
  }

  async #lookAt(namespace: string, signal: AbortSignal): Promise<void> {
    const { client, clock, installation } = this.#options;
    const there = this.#places.filter(({ address }) => address.namespace === namespace);
    for (const place of there) if (place.state !== "used") place.sinceMs = clock.monotonicMs();
    const found = await namesIn(client, namespace, signal);
    if (found === null) return;
    for (const one of there) {
      if (one.state !== "unknown" && one.state !== "running") continue;
      const own = found.flatMap(({ name, running }) => {
        const parsed = parsePlaceName(name);
        const isOwn = parsed?.installation === installation && parsed.place === one.number && !parsed.isCleaner;
        return isOwn ? [{ name, running, turn: parsed.turn }] : [];
      });
      one.turns = Math.max(one.turns, ...own.map(({ turn }) => turn + 1));
      if (own.some(({ running }) => running)) one.state = "running";
      else one.state = own.some(({ name }) => name === one.address.sandbox) ? "used" : "clean";
      one.sinceMs = clock.monotonicMs();
    }
  }

  #clearSome(): void {
    const { signal, clearedAtOnce } = this.#options;
    const ready = this.#places.filter(
      ({ state, sinceMs }) => state === "clean" || (state === "unknown" && sinceMs < 0),
    );
    for (let short = readyPlaces - ready.length - this.#clearing.size; short > 0; short -= 1) {
      const [place] = this.#places.filter(({ state }) => state === "used").sort((a, b) => a.sinceMs - b.sinceMs);
      const image = place?.image ?? this.#lastImage;
      if (place === undefined || image === null || signal.aborted || this.#clearing.size >= clearedAtOnce) return;
      place.state = "taken";
      const clearing = this.#clear(place, image).finally(() => {
        this.#clearing.delete(clearing);
        this.#change();
        this.#clearSome();
      });
      this.#clearing.add(clearing);
    }
  }

  async #clear(place: Place, image: string): Promise<void> {
    const { clock, settleMs, clear, onUncleared, installation, signal } = this.#options;
    try {
      await clock.sleep(Math.max(0, place.sinceMs + settleMs - clock.monotonicMs()), signal);
      const isToBeTried = clock.monotonicMs() >= this.#notBeforeMs;
      if (!isToBeTried || !(await clear(place, image, signal))) {
        if (isToBeTried) onUncleared(place);
        if (isToBeTried) this.#notBeforeMs = clock.monotonicMs() + clearAgainMs;
        // Never with the files of another session: rather a name more.
        place.address = { ...place.address, sandbox: sandboxName(installation, place.number, place.turns) };
        place.turns += 1;
      }
      place.state = "clean";
    } catch {
      // The host ends.
      place.state = "used";
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Or until there may be something to look at again. */
  async #untilChange(signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    const changed = this.#changed.promise;
    await Promise.race([changed, this.#options.clock.sleep(lookAgainMs, either).catch(() => {})]);
    done.abort();
  }
}

/** Null if the server cannot tell. Throws CallError where that says nothing of the namespace. */
async function namesIn(client: Client, namespace: string, signal: AbortSignal) {
  try {
    const { sandboxes } = await client.metrics({ namespace, sandbox: null }, { signal });
    return sandboxes;
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    // There is no such namespace.
    if (error.problem === "rejected") return [];
    // One bad entry spoils a namespace (hazard b).
    if (error.problem === "internal") return null;
    throw error;
  }
}
