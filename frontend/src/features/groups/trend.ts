import { useQuery } from "@tanstack/react-query";
import { get, query } from "@/api/client";
import type { TrendPoint } from "@/api/types";
import { measuredPower } from "@/components/groups";
import type { Line } from "@/components/TimeChart";
import { serverNow } from "@/live/clock";

export function useTrend(group: string, windowS: number, refetchMs: number) {
  return useQuery({
    queryKey: ["trend", group, windowS],
    queryFn: ({ signal }) => {
      const to = serverNow();
      const params = { from: new Date(to - windowS * 1000).toISOString(), to: new Date(to).toISOString() };
      return get<TrendPoint[]>(`groups/${group}/trend${query(params)}`, signal);
    },
    refetchInterval: refetchMs,
  });
}

/** Power inside the band that could be reached at the time. */
export function powerLines(points: readonly TrendPoint[]): Line[] {
  const xs = points.map((point) => Date.parse(point.at) / 1000);
  const line = (label: string, key: keyof TrendPoint, more: Partial<Line>): Line => ({
    label,
    xs,
    ys: points.map((point) => point[key] as number | null),
    ink: "fc",
    ...more,
  });
  return [
    line("highest reachable", "available_max_w", { width: 1, bandTo: 1 }),
    line("lowest reachable", "available_min_w", { width: 1 }),
    { label: "measured", xs, ys: points.map(measuredPower), ink: "proc", width: 2 },
  ];
}
