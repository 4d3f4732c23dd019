import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useRef, useState, type ReactNode } from "react";
import { get, query } from "@/api/client";
import type { Alarm, Dispatch, Group, GroupStatus, Overview, TrendPoint } from "@/api/types";
import { DispatchTable } from "@/components/DispatchTable";
import { GroupTable } from "@/components/GroupTable";
import { size, useGroups, useStatuses } from "@/components/groups";
import { SourceLink } from "@/components/SourceLink";
import { Empty, Loading, Query } from "@/components/states";
import { PriorityChip } from "@/components/symbols";
import { TimeChart, type Line } from "@/components/TimeChart";
import { serverNow, useNow } from "@/live/clock";
import { mergeRows, useTopic } from "@/live/topics";
import { shortTime } from "@/lib/time";
import { Kpis } from "./Kpis";
import "./overview.css";
import { continued, fromHistory, NO_TREND, WINDOW_S, withTick, type Trend } from "./trend";

const DRAWN = 12;
const alarmRows = mergeRows<Alarm>("mrid");
const dispatchRows = mergeRows<Dispatch>("mrid");
const OPEN = new Set(["active", "scheduled", "ending"]);

function useHistory(groups: readonly Group[]): Trend {
  const [from] = useState(() => new Date(serverNow() - WINDOW_S * 1000).toISOString());
  const drawn = groups.slice(0, DRAWN);
  return useQueries({
    queries: drawn.map(({ mrid }) => ({
      queryKey: ["trend", mrid, from],
      queryFn: () => get<TrendPoint[]>(`groups/${mrid}/trend${query({ from })}`),
      staleTime: Infinity,
    })),
    combine: (found) =>
      fromHistory(
        new Map(
          found.flatMap(({ data }, k) => (data ? [[drawn[k]!.mrid, data]] : [])),
        ),
      ),
  });
}

interface PowerProps {
  groups: readonly Group[];
  trend: Trend;
  picked: string | undefined;
}

function GroupPower({ groups, trend, picked }: PowerProps): ReactNode {
  const history = useHistory(groups);
  const now = useNow() / 1000;
  const lines = useMemo<Line[]>(() => {
    const { xs, ys } = continued(history, trend);
    const drawn = groups.slice(0, DRAWN).filter(({ mrid }) => mrid !== picked);
    const accent = groups.find(({ mrid }) => mrid === picked);
    return [...drawn, ...(accent ? [accent] : [])].map((group) => ({
      label: group.name,
      xs,
      ys: ys.get(group.mrid) ?? xs.map(() => null),
      ink: group === accent ? "accent" : "fc",
      width: group === accent ? 2.5 : 1,
      hidden: group !== accent,
    }));
  }, [groups, history, trend, picked]);
  if (groups.length === 0) return <p className="dim">There are no groups yet.</p>;
  return <TimeChart label="Active power of the largest groups, last 15 minutes" lines={lines} base="W" height={232} range={[now - WINDOW_S, now]} />;
}

function NeedsAction({ alarms }: { alarms: readonly Alarm[] | null }): ReactNode {
  const now = useNow();
  if (!alarms) return <Loading what="alarms" rows={4} />;
  const open = alarms
    .filter((alarm) => alarm.cleared_at === null || alarm.acknowledged_at === null)
    .sort((a, b) => a.priority - b.priority || b.raised_at.localeCompare(a.raised_at));
  if (open.length === 0) return <p className="dim">Nothing needs action.</p>;
  return (
    <>
      <table className="data" aria-label="Alarms that need action">
        <tbody>
          {open.slice(0, 5).map((alarm) => (
            <tr key={alarm.mrid}>
              <td>
                <PriorityChip priority={alarm.priority} />
              </td>
              <td className="nowrap">{shortTime(alarm.raised_at, now)}</td>
              <td>
                <SourceLink type={alarm.source_type} mrid={alarm.source_mrid}>
                  {alarm.source_name}
                </SourceLink>
              </td>
              <td className="wrap">
                {alarm.condition}
                {alarm.count > 1 && <span className="dim"> ({alarm.count} times)</span>}
              </td>
              <td className="nowrap">{alarm.acknowledged_at ? "Ack" : "Unack"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {open.length > 5 && <Link to="/alarms">{open.length - 5} more alarms</Link>}
    </>
  );
}

/** L1: what is abnormal, seen within five seconds. */
export function OverviewPage(): ReactNode {
  const overview = useTopic<Overview>("overview");
  const alarms = useTopic<Alarm[]>("alarms", alarmRows);
  const dispatches = useTopic<Dispatch[]>("dispatches", dispatchRows);
  const [trend, setTrend] = useState<Trend>(NO_TREND);
  const kept = useRef(trend);
  const statuses = useStatuses((delta) => {
    kept.current = withTick(kept.current, (Array.isArray(delta) ? delta : [delta]) as GroupStatus[]);
    setTrend(kept.current);
  });
  const groups = useGroups();
  const [picked, setPicked] = useState<string>();

  // Ordered once by what was installed when the page came up, so that rows do not jump.
  const ordered = useMemo(
    () => [...(groups.data?.results ?? [])].sort((a, b) => size(b.status) - size(a.status)),
    [groups.data],
  );
  const open = dispatches.data?.filter(({ state }) => OPEN.has(state)) ?? [];
  const accent = picked ?? ordered[0]?.mrid;
  return (
    <div className="page">
      <h1 className="sr-only">Operations overview</h1>
      {overview.data ? <Kpis of={overview.data} /> : <Loading what="the overview" rows={3} />}
      <div className="overview-middle">
        <section className="panel" aria-label="Group power">
          <header>
            <h2>Group power, last 15 min</h2>
            <span className="dim small push">{ordered.length > DRAWN ? `${DRAWN} largest of ${ordered.length}` : ""}</span>
          </header>
          <GroupPower groups={ordered} trend={trend} picked={accent} />
        </section>
        <section className="panel" aria-label="Needs action">
          <header>
            <h2>Needs action</h2>
          </header>
          <NeedsAction alarms={alarms.data} />
          <header>
            <h2>Dispatches</h2>
            <span className="push">
              <CommandLink />
            </span>
          </header>
          {open.length > 0 ? <DispatchTable rows={open.slice(0, 8)} brief /> : <p className="dim">No dispatch is active or scheduled.</p>}
        </section>
      </div>
      <section className="panel" aria-label="Groups">
        <header>
          <h2>Groups</h2>
        </header>
        <Query of={groups} what="groups">
          {() =>
            ordered.length === 0 ? (
              <Empty why="There are no groups yet.">
                <Link to="/groups">Create a group</Link>
              </Empty>
            ) : (
              <GroupTable groups={ordered.slice(0, 50)} statuses={statuses} dispatches={open} picked={accent} onPick={setPicked} />
            )
          }
        </Query>
      </section>
    </div>
  );
}

function CommandLink(): ReactNode {
  return (
    <Link to="/dispatches/new" search={{}} className="btn primary">
      New dispatch
    </Link>
  );
}

