// Whose sandbox is given up when another session needs its room. Pure: who holds what in, whom to close out.

export type Holding = {
  readonly id: number;
  /** Null: booted ahead, for nobody yet. */
  readonly principal: string | null;
  readonly memoryMib: number;
  /** Null while it may not be given up: it starts, runs something, or somebody waits for it. Milliseconds from any start. */
  readonly idle: { readonly sinceMs: number; readonly isExpired: boolean } | null;
};

export type Need = { readonly principal: string; readonly memoryMib: number };

/** What somebody has of what is limited. */
export type Taken = { readonly sessions: number; readonly memoryMib: number };

export const nothingTaken: Taken = { sessions: 0, memoryMib: 0 };

/** Undefined: no limit. */
export type RoomLimits = {
  readonly maxSessions: number;
  readonly maxTotalMemoryMib?: number | undefined;
  readonly maxSessionsPerPrincipal?: number | undefined;
  readonly maxMemoryMibPerPrincipal?: number | undefined;
};

/** A limit that the need would exceed, and how much of it is taken now. */
export type Bound = {
  readonly scope: "server" | "principal";
  readonly resource: "sessions" | "memory";
  readonly current: number;
  readonly limit: number;
};

/**
 * The first limit that stands in the way, the principal's own before the server's; undefined if there is room. `elsewhere`: what the
 * principal has on other nodes.
 */
export function boundOf(
  holdings: readonly Omit<Holding, "idle">[],
  need: { readonly principal: string | null; readonly memoryMib: number },
  limits: RoomLimits,
  elsewhere = nothingTaken,
): Bound | undefined {
  const own = need.principal === null ? [] : holdings.filter(({ principal }) => principal === need.principal);
  const [sessions, memoryMib] = [own.length + elsewhere.sessions, memoryOf(own) + elsewhere.memoryMib];
  return (
    (need.principal === null
      ? undefined
      : (exceeded("principal", "sessions", sessions, 1, limits.maxSessionsPerPrincipal) ??
        exceeded("principal", "memory", memoryMib, need.memoryMib, limits.maxMemoryMibPerPrincipal))) ??
    exceeded("server", "sessions", holdings.length, 1, limits.maxSessions) ??
    exceeded("server", "memory", memoryOf(holdings), need.memoryMib, limits.maxTotalMemoryMib)
  );
}

/**
 * The holdings to close so that the need fits: as few as it takes, none if it cannot be made to fit (undefined).
 *
 * - What was booted ahead goes first, then what has expired anyway, then what was least recently used.
 * - Where the principal's own limit stands in the way, only its own sessions go.
 * - Where the server's does, those of whoever holds most of what is short go first, the one in need counted with what it asks for. So a
 *   newcomer gets a place, and nobody who asks for more and more takes them from those who have fewer.
 */
export function chooseVictims(
  holdings: readonly Holding[],
  need: Need,
  limits: RoomLimits,
  elsewhere = nothingTaken,
): readonly number[] | undefined {
  const victims: Holding[] = [];
  const staying = (except: readonly Holding[]) => holdings.filter((holding) => !except.includes(holding));
  for (;;) {
    const rest = staying(victims);
    const bound = boundOf(rest, need, limits, elsewhere);
    if (bound === undefined) break;
    const next = nextVictim(rest, need, bound);
    if (next === undefined) return undefined;
    victims.push(next);
  }
  // A large one may have made those that were chosen before it superfluous.
  for (const victim of [...victims].reverse()) {
    const without = victims.filter((other) => other !== victim);
    if (boundOf(staying(without), need, limits, elsewhere) === undefined) victims.splice(victims.indexOf(victim), 1);
  }
  return victims.map(({ id }) => id);
}

function nextVictim(holdings: readonly Holding[], need: Need, { scope, resource }: Bound): Holding | undefined {
  const idle = holdings.flatMap((holding) => (holding.idle === null ? [] : [{ holding, idle: holding.idle }]));
  const candidates = scope === "server" ? idle : idle.filter(({ holding }) => holding.principal === need.principal);
  const size = (held: readonly { readonly memoryMib: number }[]) =>
    resource === "sessions" ? held.length : memoryOf(held);
  const held = new Map<string | null, number>();
  for (const [principal, own] of Map.groupBy(holdings, (holding) => holding.principal)) held.set(principal, size(own));
  const needed = (held.get(need.principal) ?? 0) + size([need]);
  held.set(need.principal, needed);
  const ranked = candidates
    .map(({ holding, idle: { sinceMs, isExpired } }) => {
      const share = held.get(holding.principal) ?? 0;
      const rank = [holding.principal === null, isExpired, true].indexOf(true);
      return { holding, sinceMs, share, rank };
    })
    .filter(({ rank, share }) => rank < 2 || share >= needed)
    .sort((a, b) => a.rank - b.rank || (a.rank === 2 ? b.share - a.share : 0) || a.sinceMs - b.sinceMs);
  return ranked[0]?.holding;
}

function exceeded(
  scope: Bound["scope"],
  resource: Bound["resource"],
  current: number,
  more: number,
  limit: number | undefined,
): Bound | undefined {
  return limit === undefined || current + more <= limit ? undefined : { scope, resource, current, limit };
}

export function memoryOf(holdings: readonly { readonly memoryMib: number }[]): number {
  return holdings.reduce((sum, { memoryMib }) => sum + memoryMib, 0);
}
