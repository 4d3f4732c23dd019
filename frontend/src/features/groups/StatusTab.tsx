import type { ReactNode } from "react";
import type { Dispatch, Group, GroupStatus } from "@/api/types";
import { Bar } from "@/components/Bar";
import { Empty } from "@/components/states";
import { DER_FUNCTIONS, functionName } from "@/components/symbols";
import { Age } from "@/components/Value";
import { count, number, quantity, scaleOf, type Base } from "@/lib/quantities";
import { RecentTrend } from "./RecentTrend";
import { ToldPanel } from "./ToldPanel";

interface LineProps {
  name: string;
  base: Base;
  now: number;
  min: number;
  max: number;
  low: number;
  high: number;
  target?: number | null;
}

function ParameterLine({ name, base, now, min, max, low, high, target }: LineProps): ReactNode {
  const scale = scaleOf(Math.max(Math.abs(min), Math.abs(max), Math.abs(now)), base);
  const text = (value: number): string => quantity(value, base, { scale, unit: false });
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{scale.unit}</td>
      <td className="num strong value" style={{ fontSize: 15 }}>{text(now)}</td>
      <td className="num">{text(min)}</td>
      <td style={{ width: "40%" }}>
        <Bar label={`${name} in its range`} min={Math.min(min, 0)} max={Math.max(max, 0)} now={now} low={low} high={high} target={target ?? null} />
      </td>
      <td className="num">{text(max)}</td>
      <td className="nowrap value">
        {low < high && `${text(low)} … ${text(high)}`}
      </td>
      <td className="num">{target == null ? "" : text(target)}</td>
    </tr>
  );
}

function Quality({ status: s }: { status: GroupStatus }): ReactNode {
  const others = Object.entries(s.counts).filter(([, n]) => n > 0);
  return (
    <section className="panel" aria-label="Quality of the sum">
      <h2>What the sum stands on</h2>
      <p className={s.stale > 0 ? "value-stale" : ""}>
        {count(s.good)} of {count(s.members)} members good, {number(s.coverage_pct, 1)} % of the power measured.
      </p>
      {s.stale > 0 && (
        <p className="value-stale">
          Without {count(s.stale)} late members, which last gave {quantity(s.stale_last_w, "W")}.
        </p>
      )}
      <dl className="facts">
        {others.map(([state, n]) => (
          <div key={state} style={{ display: "contents" }}>
            <dt>{state.replaceAll("_", " ")}</dt>
            <dd>{count(n)}</dd>
          </div>
        ))}
        {s.energy_capacity_wh > 0 && (
          <>
            <dt>Energy</dt>
            <dd className="value">
              {quantity(s.energy_wh, "Wh")} of {quantity(s.energy_capacity_wh, "Wh")}
            </dd>
          </>
        )}
        {s.soc_pct !== null && (
          <>
            <dt>State of charge</dt>
            <dd className="value">{number(s.soc_pct, 1)} %</dd>
          </>
        )}
        {s.voltage_v !== null && (
          <>
            <dt>Voltage, mean</dt>
            <dd className="value">{quantity(s.voltage_v, "V")}</dd>
          </>
        )}
        <dt>As of</dt>
        <dd>
          <Age at={s.at} after=" ago" />
        </dd>
      </dl>
    </section>
  );
}

interface Props {
  group: Group;
  status: GroupStatus | null;
  active: Dispatch | undefined;
}

export function StatusTab({ group, status: s, active }: Props): ReactNode {
  if (!s && group.party !== null) return <ToldPanel group={group} />;
  if (!s) return <Empty why="The status of this group has not been computed yet; it comes every second." />;
  const target = (parameter: string): number | null => (active?.parameter === parameter ? active.target_now : null);
  return (
    <div className="split">
      <div className="stack">
        {group.party !== null && <ToldPanel group={group} />}
        <section className="panel" aria-label="Power now">
          <table className="data">
            <thead>
              <tr>
                <th>Parameter</th>
                <th>Unit</th>
                <th className="num">Now</th>
                <th className="num">Installed min</th>
                <th>Range, reachable part, now</th>
                <th className="num">Installed max</th>
                <th>Reachable now</th>
                <th className="num">Asked</th>
              </tr>
            </thead>
            <tbody>
              <ParameterLine name="Active power" base="W" now={s.active_power_w} min={s.installed_min_w} max={s.installed_max_w} low={s.available_min_w} high={s.available_max_w} target={target("activePower")} />
              <ParameterLine name="Reactive power" base="var" now={s.reactive_power_var} min={s.installed_min_var} max={s.installed_max_var} low={s.available_min_var} high={s.available_max_var} target={target("reactivePower")} />
              <ParameterLine name="Apparent power" base="VA" now={s.apparent_power_va} min={0} max={Math.max(s.installed_max_w, s.installed_max_var, s.apparent_power_va)} low={0} high={0} />
            </tbody>
          </table>
        </section>
        <section className="panel" aria-label="Power of the last 15 minutes">
          <h2>Active power, last 15 min</h2>
          <RecentTrend group={group.mrid} status={s} active={active} />
        </section>
      </div>
      <div className="stack">
        <Quality status={s} />
        <section className="panel" aria-label="DER functions">
          <h2>DER functions</h2>
          <dl className="facts">
            {DER_FUNCTIONS.map((name) => (
              <div key={name} style={{ display: "contents" }}>
                <dt>{functionName(name)}</dt>
                <dd>{group.functions[name] ? "yes" : "no"}</dd>
              </div>
            ))}
          </dl>
        </section>
        {(group.description || group.names.length > 0) && (
          <section className="panel" aria-label="Description">
            <h2>Description</h2>
            {group.description && <p>{group.description}</p>}
            {group.names.map((name) => (
              <p key={name.name + name.name_type} className="dim small">
                {name.name_type || "name"}: {name.name}
              </p>
            ))}
            <p className="dim small mono">{group.mrid}</p>
          </section>
        )}
      </div>
    </div>
  );
}
