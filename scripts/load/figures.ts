// Figures out of a Prometheus text: sums of a metric's series, and quantiles of the phases' histograms.

export type PhaseFigures = {
  readonly phase: string;
  readonly count: number;
  /** Seconds, interpolated within a bucket as PromQL's histogram_quantile does. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
};

const histogram = "msb_mcp_execution_phase_seconds";

export function sumOf(text: string, metric: string): number {
  const values = text.matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (\\S+)$`, "gm"));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

export function phaseFigures(text: string): readonly PhaseFigures[] {
  return ["queue", "boot", "run", "wire"].map((phase) => {
    const buckets = [
      ...text.matchAll(new RegExp(`^${histogram}_bucket\\{(.*phase="${phase}".*)\\} (\\S+)$`, "gm")),
    ].map(([, labels = "", count]) => {
      const bound = /le="([^"]+)"/.exec(labels)?.[1] ?? "";
      return { boundS: bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound), count: Number(count) };
    });
    const at = (part: number) => quantile(buckets, part);
    return { phase, count: buckets.at(-1)?.count ?? 0, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  });
}

function quantile(buckets: readonly { readonly boundS: number; readonly count: number }[], part: number): number {
  const rank = part * (buckets.at(-1)?.count ?? 0);
  const index = buckets.findIndex(({ count }) => count >= rank);
  const bucket = buckets[index];
  const below = buckets[index - 1] ?? { boundS: 0, count: 0 };
  if (bucket === undefined) return Number.NaN;
  // Beyond the last bound nothing more is known.
  if (bucket.boundS === Number.POSITIVE_INFINITY) return below.boundS;
  const share = bucket.count === below.count ? 1 : (rank - below.count) / (bucket.count - below.count);
  return below.boundS + (bucket.boundS - below.boundS) * share;
}
