import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type ReactNode } from "react";
import { get, query } from "@/api/client";
import type { Device, Latest, ReadingPoint } from "@/api/types";
import { Bar } from "@/components/Bar";
import { Pick } from "@/components/controls";
import { Empty, Query } from "@/components/states";
import { TimeChart, type Line } from "@/components/TimeChart";
import { Age, qualityName, Value } from "@/components/Value";
import { serverNow, useNow } from "@/live/clock";
import { quantityBase, quantityName, QUANTITY_NAMES } from "@/lib/quantities";

// The DERMS says what is stale; after ten missed polls the value is not worth its ink.
const LOST_PERIODS = 10;

function rangeOf(name: string, device: Device): [number, number] | null {
  const of = (key: keyof NonNullable<Device["nameplate"]>): number => Number(device.nameplate?.[key] ?? 0);
  if (name === "active_power_w" || name === "available_power_w") return [-of("rated_charge_w"), of("rated_w")];
  if (name === "reactive_power_var") return [-of("rated_var_absorbed"), of("rated_var_injected")];
  if (name === "soc_pct") return [0, 100];
  return null;
}

function ValueRow({ name, latest, device }: { name: string; latest: Latest; device: Device }): ReactNode {
  const now = useNow();
  const age = (now - Date.parse(latest.measured_at)) / 1000;
  const { stale } = latest;
  const lost = age > LOST_PERIODS * device.poll_interval_s || qualityName(latest.quality) === "lost";
  const range = rangeOf(name, device);
  return (
    <>
      <span>{quantityName(name)}</span>
      <span className="num strong">
        <Value of={latest.value} base={quantityBase(name)} quality={latest.quality} stale={stale} lost={lost} />
      </span>
      <span>{range && range[0] < range[1] && <Bar label={`${quantityName(name)} in its rated range`} min={range[0]} max={range[1]} now={latest.value} stale={stale} />}</span>
      <span className={stale ? "value-stale" : "dim"}>
        <Age at={latest.measured_at} after=" ago" />
      </span>
    </>
  );
}

function linesOf(points: readonly ReadingPoint[], name: string): Line[] {
  const xs = points.map((p) => Date.parse(p.measured_at ?? p.start_at ?? "") / 1000);
  const main: Line = { label: quantityName(name), xs, ys: points.map((p) => p.value ?? p.mean ?? null), ink: "proc", width: 1.8 };
  if (points[0]?.mean === undefined) return [main];
  return [
    { label: "highest of 15 min", xs, ys: points.map((p) => p.maximum ?? null), ink: "fc", width: 1, bandTo: 1 },
    { label: "lowest of 15 min", xs, ys: points.map((p) => p.minimum ?? null), ink: "fc", width: 1 },
    { ...main, label: "mean of 15 min" },
  ];
}

const SPANS = { "15 min": 900, "1 h": 3600, "24 h": 86_400 } as const;

function Readings({ device, names }: { device: Device; names: readonly string[] }): ReactNode {
  const [name, setName] = useState(names[0] ?? "active_power_w");
  const [shown, setShown] = useState<keyof typeof SPANS>("15 min");
  const resolution = shown === "24 h" ? "15m" : "raw";
  const readings = useQuery({
    queryKey: ["readings", device.mrid, name, shown],
    queryFn: async ({ signal }) => {
      const to = serverNow();
      const params = { quantity: name, from: new Date(to - SPANS[shown] * 1000).toISOString(), to: new Date(to).toISOString(), resolution };
      return (await get<{ results: ReadingPoint[] }>(`devices/${device.mrid}/readings${query(params)}`, signal)).results;
    },
    refetchInterval: 5000,
  });
  const lines = useMemo(() => linesOf(readings.data ?? [], name), [readings.data, name]);
  return (
    <section className="panel" aria-label="Readings">
      <header>
        <h2>Readings</h2>
        <Pick label="Quantity" value={name} onChange={setName} options={names.map((one) => [one, quantityName(one)])} />
        <Pick label="Time shown" value={shown} onChange={(value) => setShown(value as keyof typeof SPANS)} options={Object.keys(SPANS).map((one) => [one, one])} />
      </header>
      <Query of={readings} what="the readings" rows={6}>
        {(points) => (points.length === 0 ? <Empty why="Nothing was measured in this time." /> : <TimeChart label={`${quantityName(name)} over the last ${shown}`} lines={lines} base={quantityBase(name)} height={240} />)}
      </Query>
    </section>
  );
}

export function LiveTab({ device }: { device: Device }): ReactNode {
  const { latest } = device;
  const names = QUANTITY_NAMES.filter((name) => latest[name]);
  if (names.length === 0) return <Empty why="This device has not reported anything yet." />;
  return (
    <div className="stack">
      <section className="panel" aria-label="Latest values">
        <div className="device-bars">
          {names.map((name) => (
            <ValueRow key={name} name={name} latest={latest[name]!} device={device} />
          ))}
        </div>
      </section>
      <Readings device={device} names={names} />
    </div>
  );
}
