import { useMemo, useRef, useState, useEffect, type ReactNode } from "react";
import type { Dispatch, GroupStatus, TrendPoint } from "@/api/types";
import { TimeChart } from "@/components/TimeChart";
import { useNow } from "@/live/clock";
import { line } from "@/lib/schedule";
import { powerLines, useTrend } from "./trend";

const WINDOW_S = 900;

interface Props {
  group: string;
  status: GroupStatus;
  active: Dispatch | undefined;
}

function useLiveTail(status: GroupStatus): TrendPoint[] {
  const kept = useRef<TrendPoint[]>([]);
  const [tail, setTail] = useState<TrendPoint[]>([]);
  useEffect(() => {
    if (kept.current.at(-1)?.at === status.at) return;
    kept.current = [...kept.current, status].slice(-WINDOW_S);
    setTail(kept.current);
  }, [status]);
  return tail;
}

/** Stored samples, continued live, with what is asked of the group drawn in the accent colour. */
export function RecentTrend({ group, status, active }: Props): ReactNode {
  const stored = useTrend(group, WINDOW_S, 0);
  const tail = useLiveTail(status);
  const now = useNow() / 1000;
  const lines = useMemo(() => {
    const first = tail[0]?.at ?? "9999";
    const drawn = powerLines([...(stored.data ?? []).filter(({ at }) => at < first), ...tail]);
    if (active?.parameter === "activePower") {
      const schedule = { curve: active.curve_style, startMs: Date.parse(active.start_at), intervalS: active.interval_s, values: active.values };
      const [xs, ys] = line(schedule);
      drawn.push({ label: "asked", xs, ys, ink: "accent", width: 2.5 });
    }
    return drawn;
  }, [stored.data, tail, active?.mrid, active?.revision]); // eslint-disable-line react-hooks/exhaustive-deps -- a dispatch's schedule changes only with these
  return <TimeChart label="Active power of the group, last 15 minutes" lines={lines} base="W" range={[now - WINDOW_S, now + 30]} />;
}
