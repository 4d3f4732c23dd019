// Live values of the rows on screen only: one picked subscription that follows the scrolling.
import { useEffect, useRef, useState } from "react";
import { live } from "@/live/socket";

export interface LiveRow {
  mrid: string;
  p_w: number | null;
  q_var: number | null;
  soc_pct: number | null;
  measured_at: string | number | null;
  quality: string | number | null;
  stale?: boolean;
  link?: string;
}

const MOST = 200;
const SETTLE_MS = 150;

function isRow(row: unknown): row is LiveRow {
  return typeof row === "object" && row !== null && "mrid" in row;
}

/** Latest values by mRID. The subscription moves only when the scrolling has come to rest. */
export function useLiveRows(mrids: readonly string[]): ReadonlyMap<string, LiveRow> {
  const [rows, setRows] = useState<ReadonlyMap<string, LiveRow>>(new Map());
  const kept = useRef(new Map<string, LiveRow>());
  const key = mrids.slice(0, MOST).join(" ");
  useEffect(() => {
    if (key === "") return;
    let leave = (): void => {};
    const ids = key.split(" ");
    const take = (data: unknown): void => {
      for (const row of Array.isArray(data) ? data : [data]) if (isRow(row)) kept.current.set(row.mrid, row);
      setRows(new Map(kept.current));
    };
    const timer = window.setTimeout(() => {
      const wanted = new Set(ids);
      for (const mrid of kept.current.keys()) if (!wanted.has(mrid)) kept.current.delete(mrid);
      leave = live.subscribe("devices", { ids }, { snapshot: take, delta: take });
    }, SETTLE_MS);
    return () => {
      window.clearTimeout(timer);
      leave();
    };
  }, [key]);
  return rows;
}
