import { useMemo, useState, type ReactNode } from "react";
import type { Dispatch, DispatchSample } from "@/api/types";
import { TimeChart, type Line } from "@/components/TimeChart";
import { useNow } from "@/live/clock";
import { baseOf } from "@/lib/quantities";
import { endMs, line, type Schedule } from "@/lib/schedule";

/** Measured within this share of the target counts as tracking; as in the DERMS' closed loop. */
const BAND = 0.02;
const LEAD_S = 20;

export function scheduleOf(dispatch: Dispatch): Schedule {
  return {
    curve: dispatch.curve_style,
    startMs: Date.parse(dispatch.start_at),
    intervalS: dispatch.interval_s,
    values: dispatch.values,
  };
}

function linesOf(dispatch: Dispatch, samples: readonly DispatchSample[]): Line[] {
  const schedule = scheduleOf(dispatch);
  const lines: Line[] = [];
  const add = (label: string, values: readonly number[], more: Partial<Line>): void => {
    const [xs, ys] = line({ ...schedule, values });
    lines.push({ label, xs, ys, ink: "fc", ...more });
  };
  const upper = dispatch.values.map((value) => value + Math.abs(value) * BAND);
  const lower = dispatch.values.map((value) => value - Math.abs(value) * BAND);
  add(`band ±${BAND * 100} %`, upper, { width: 0.5, bandTo: 1 });
  add("band, lower edge", lower, { width: 0.5, hidden: true });
  add("asked", dispatch.values, { ink: "accent", width: 2.5 });
  if (dispatch.deliverable.length === dispatch.values.length) {
    add("accepted", dispatch.deliverable, { ink: "fc", width: 1.5, dash: [6, 4] });
  }
  const xs = samples.map(({ at }) => Date.parse(at) / 1000);
  lines.push(
    { label: "commanded", xs, ys: samples.map((s) => s.commanded), ink: "txd", width: 1.2, dash: [2, 3] },
    { label: "measured", xs, ys: samples.map((s) => s.measured), ink: "tx1", width: 2 },
  );
  return lines;
}

interface Props {
  dispatch: Dispatch;
  samples: readonly DispatchSample[];
}

/** Asked, accepted, commanded and measured, each a line of its own: accepted is not delivered. */
export function TrackingChart({ dispatch, samples }: Props): ReactNode {
  const now = useNow();
  const end = endMs(scheduleOf(dispatch)) / 1000;
  const start = Date.parse(dispatch.start_at) / 1000;
  const ended = dispatch.ended_at ? Date.parse(dispatch.ended_at) / 1000 : null;
  const [whole, setWhole] = useState(false);
  const lines = useMemo(() => linesOf(dispatch, samples), [dispatch, samples]);
  // While it runs the last minutes matter; the whole schedule is one click away.
  const recent = Math.max(120, Math.min(900, now / 1000 - start + 60));
  const isLong = end - start > 1200;
  const until = ended === null ? end : Math.max(ended + LEAD_S, start + 2 * LEAD_S);
  const showsWhole = whole || !isLong || dispatch.state !== "active";
  const range: [number, number] = showsWhole ? [start - LEAD_S, until + LEAD_S] : [now / 1000 - recent, now / 1000 + recent / 4];
  return (
    <div className="stack">
      {isLong && dispatch.state === "active" && (
        <div className="row">
          <button type="button" className="btn" aria-pressed={whole} onClick={() => setWhole(!whole)}>
            {whole ? "Show the last minutes" : "Show the whole schedule"}
          </button>
        </div>
      )}
      <TimeChart label="Asked, accepted, commanded and measured power" lines={lines} base={baseOf(dispatch.parameter)} height={300} range={range} mark={ended === null ? now / 1000 : null} />
    </div>
  );
}
