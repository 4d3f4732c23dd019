// The last minutes of every group's power, kept outside of React; grows to a fixed size.
import type { GroupStatus, TrendPoint } from "@/api/types";
import { measuredPower } from "@/components/groups";

export const WINDOW_S = 900;

export interface Trend {
  xs: number[];
  ys: Map<string, (number | null)[]>;
}

export const NO_TREND: Trend = { xs: [], ys: new Map() };

/** One tick more; groups that did not report get a hole, old ticks fall off. */
export function withTick(trend: Trend, rows: readonly GroupStatus[]): Trend {
  const newest = rows.reduce((at, row) => Math.max(at, Date.parse(row.at) / 1000), 0);
  const last = trend.xs.at(-1) ?? 0;
  if (newest <= last) return trend;
  const from = trend.xs.findIndex((x) => x > newest - WINDOW_S);
  const kept = from < 0 ? trend.xs.length : from;
  const values = new Map(rows.map((row) => [row.mrid, measuredPower(row)]));
  const ys = new Map<string, (number | null)[]>();
  for (const group of new Set([...trend.ys.keys(), ...values.keys()])) {
    const old = trend.ys.get(group)?.slice(kept) ?? trend.xs.slice(kept).map(() => null);
    ys.set(group, [...old, values.get(group) ?? null]);
  }
  return { xs: [...trend.xs.slice(kept), newest], ys };
}

/** A trend out of stored samples, which the live ticks then continue. */
export function fromHistory(history: ReadonlyMap<string, readonly TrendPoint[]>): Trend {
  // Samples of one tick carry nearly the same time; a second is finer than they are apart.
  const second = (point: TrendPoint): number => Math.floor(Date.parse(point.at) / 1000);
  const xs = [...new Set([...history.values()].flat().map(second))].sort((a, b) => a - b);
  const ys = new Map<string, (number | null)[]>();
  for (const [group, points] of history) {
    const known = new Map(points.map((point) => [second(point), measuredPower(point)]));
    ys.set(group, xs.map((x) => known.get(x) ?? null));
  }
  return { xs, ys };
}

/** History up to where the live part begins, then the live part. */
export function continued(history: Trend, live: Trend): Trend {
  const begin = live.xs[0] ?? Infinity;
  const cut = history.xs.filter((x) => x < begin).length;
  const ys = new Map<string, (number | null)[]>();
  for (const group of new Set([...history.ys.keys(), ...live.ys.keys()])) {
    const before = history.ys.get(group)?.slice(0, cut) ?? Array<null>(cut).fill(null);
    const after = live.ys.get(group) ?? Array<null>(live.xs.length).fill(null);
    ys.set(group, [...before, ...after]);
  }
  return { xs: [...history.xs.slice(0, cut), ...live.xs], ys };
}
