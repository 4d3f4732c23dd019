import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";
import type { Group, TrendPoint } from "@/api/types";
import { Segments } from "@/components/controls";
import { Empty, Query } from "@/components/states";
import { TimeChart, type Line } from "@/components/TimeChart";
import { powerLines, useTrend } from "./trend";

const HOURS = ["1", "6", "24"] as const;

function others(points: readonly TrendPoint[]): { reactive: Line[]; soc: Line[]; coverage: Line[] } {
  const xs = points.map(({ at }) => Date.parse(at) / 1000);
  const one = (label: string, key: keyof TrendPoint): Line[] => [
    { label, xs, ys: points.map((point) => point[key] as number | null), ink: "proc", width: 1.5 },
  ];
  return { reactive: one("reactive power", "reactive_power_var"), soc: one("state of charge", "soc_pct"), coverage: one("coverage", "coverage_pct") };
}

function Charts({ points }: { points: readonly TrendPoint[] }): ReactNode {
  const power = useMemo(() => powerLines(points), [points]);
  const { reactive, soc, coverage } = useMemo(() => others(points), [points]);
  const hasSoc = points.some(({ soc_pct }) => soc_pct !== null);
  return (
    <>
      <section className="panel">
        <h2>Active power</h2>
        <TimeChart label="Active power over time" lines={power} base="W" height={260} />
      </section>
      <div className="grid2">
        <section className="panel">
          <h2>Reactive power</h2>
          <TimeChart label="Reactive power over time" lines={reactive} base="var" height={150} legend={false} />
        </section>
        <section className="panel">
          <h2>{hasSoc ? "State of charge" : "Coverage"}</h2>
          <TimeChart label="State of charge or coverage over time" lines={hasSoc ? soc : coverage} base="%" height={150} legend={false} />
        </section>
      </div>
    </>
  );
}

export function TrendTab({ group }: { group: Group }): ReactNode {
  const { hours = "1" } = useSearch({ from: "/groups/$mrid" });
  const navigate = useNavigate({ from: "/groups/$mrid" });
  const trend = useTrend(group.mrid, Number(hours) * 3600, 10_000);
  return (
    <div className="stack">
      <Segments
        label="Time shown"
        value={hours as (typeof HOURS)[number]}
        onChange={(value) => void navigate({ search: { tab: "trend", hours: value }, replace: true, resetScroll: false })}
        options={HOURS.map((value) => ({ value, text: `${value} h` }))}
      />
      <Query of={trend} what="the trend" rows={10}>
        {(points) => (points.length === 0 ? <Empty why="Nothing was recorded in this time." /> : <Charts points={points} />)}
      </Query>
    </div>
  );
}
