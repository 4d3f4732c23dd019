import type { ReactNode } from "react";
import type { Overview } from "@/api/types";
import { Bar } from "@/components/Bar";
import { count, number, quantity, scaleOf } from "@/lib/quantities";

interface KpiProps {
  name: string;
  big: string;
  note: string;
  children: ReactNode;
}

function Kpi({ name, big, note, children }: KpiProps): ReactNode {
  return (
    <section className="panel kpi" aria-label={name}>
      <span className="name">{name}</span>
      <span className="big value">{big}</span>
      {children}
      <span className="note">{note}</span>
    </section>
  );
}

/** Six figures, each with the range that makes it readable. */
export function Kpis({ of: o }: { of: Overview }): ReactNode {
  const { devices, dispatches } = o;
  const late = devices.total - devices.good;
  const good = devices.total > 0 ? (100 * devices.good) / devices.total : null;
  const up = o.available_max_w - o.active_power_w;
  const down = o.active_power_w - o.available_min_w;
  const scale = scaleOf(Math.max(Math.abs(o.installed_max_w), Math.abs(o.installed_min_w)), "W");
  const missing = late > 0 ? `without ${count(late)} late, last ${quantity(devices.stale_last_w, "W")}` : "all devices report";
  const errorLimit = Math.max(Math.abs(dispatches.error_w) * 1.2, 0.02 * Math.abs(o.installed_max_w), 1);
  const reactiveLimit = Math.max(Math.abs(o.installed_max_w) * 0.44, Math.abs(o.reactive_power_var) * 1.2, 1);
  return (
    <div className="kpis">
      <Kpi name="DER output" big={quantity(o.active_power_w, "W", { scale })} note={`installed ${quantity(o.installed_min_w, "W", { scale, unit: false })} to ${quantity(o.installed_max_w, "W", { scale })}`}>
        <Bar label="DER output in its installed range" min={o.installed_min_w} max={o.installed_max_w} now={o.active_power_w} low={o.available_min_w} high={o.available_max_w} />
      </Kpi>
      <Kpi name="Reactive power" big={quantity(o.reactive_power_var, "var")} note={o.reactive_power_var < 0 ? "absorbing" : "injecting"}>
        <Bar label="Reactive power" min={-reactiveLimit} max={reactiveLimit} now={o.reactive_power_var} />
      </Kpi>
      <Kpi name="Flexibility up / down, now" big={`${quantity(up, "W", { scale, unit: false })} / ${quantity(down, "W", { scale })}`} note="of devices that report">
        <Bar label="Flexibility around zero change" min={-Math.max(up, down, 1)} max={Math.max(up, down, 1)} now={null} low={-down} high={up} />
      </Kpi>
      <Kpi name="Dispatch error" big={quantity(dispatches.error_w, "W", { signed: true })} note={`${dispatches.active} active, ${dispatches.scheduled} scheduled, ${dispatches.shortfall} short`}>
        <Bar label="Dispatch error, measured minus asked" min={-errorLimit} max={errorLimit} now={dispatches.error_w} target={0} />
      </Kpi>
      <Kpi name="Comms good" big={good === null ? "\u2014" : `${number(good, 1)}\u00a0%`} note={late > 0 ? `${count(late)} of ${count(devices.total)} late, ${count(devices.lost)} lost` : `of ${count(devices.total)} devices`}>
        <Bar label="Devices that report, percent" min={0} max={100} now={good} target={98} />
      </Kpi>
      <Kpi name="Measured coverage" big={`${number(o.coverage_pct, 1)}\u00a0%`} note={missing}>
        <Bar label="Share of installed power that is measured, percent" min={0} max={100} now={o.coverage_pct} target={98} />
      </Kpi>
    </div>
  );
}
