import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Dispatch, Group, GroupStatus } from "@/api/types";
import { count, number, quantity, scaleOf } from "@/lib/quantities";
import { Bar } from "./Bar";
import { DataTable, type Column } from "./DataTable";
import { dispatchTitle } from "./DispatchTable";
import { measuredPower, size, versionText } from "./groups";
import { DispatchState } from "./symbols";
import { Age, Value } from "./Value";

interface Props {
  groups: readonly Group[];
  statuses: ReadonlyMap<string, GroupStatus> | null;
  dispatches: readonly Dispatch[];
  picked?: string | undefined;
  onPick?: (mrid: string) => void;
}

interface Row {
  group: Group;
  status: GroupStatus | null;
  dispatch: Dispatch | undefined;
}

function rowsOf({ groups, statuses, dispatches }: Props): Row[] {
  return groups.map((group) => ({
    group,
    status: statuses?.get(group.mrid) ?? group.status,
    dispatch:
      dispatches.find((d) => d.group_mrid === group.mrid && d.state === "active") ??
      dispatches.find((d) => d.group_mrid === group.mrid),
  }));
}

/** Groups with their live power inside what they can reach. One unit for the whole list. */
export function GroupTable(props: Props): ReactNode {
  const navigate = useNavigate();
  const rows = rowsOf(props);
  const scale = scaleOf(Math.max(...rows.map(({ status }) => size(status)), 1), "W");
  const power = (value: number | null | undefined): ReactNode => (
    <span className="value">{quantity(value, "W", { scale, unit: false })}</span>
  );
  const told = (group: Group): ReactNode => {
    const value = group.told?.values.find(({ parameter }) => parameter === "activePower");
    if (!group.told || !value) return power(null);
    return (
      <span title={`Told by ${group.told.party}, not measured by us`}>
        <Value of={value.nominal} base="W" stale={group.told.stale} scale={scale} unit={false} /> told
      </span>
    );
  };
  const columns: Column<Row>[] = [
    {
      key: "name",
      head: "Group",
      cell: ({ group }) => (
        <>
          <Link to="/groups/$mrid" params={{ mrid: group.mrid }} search={{ tab: "status" }}>
            {group.name}
          </Link>{" "}
          <span className="dim small">{versionText(group)}</span>
          {group.party !== null && <span className="tag">told by {group.party}</span>}
        </>
      ),
      sort: ({ group }) => group.name,
    },
    { key: "members", head: "Members", num: true, cell: ({ group, status }) => count(status?.members ?? group.member_count), sort: ({ group }) => group.member_count },
    {
      key: "good",
      head: "Good",
      num: true,
      cell: ({ status }) => (status ? <span className={status.coverage_pct < 98 ? "value-stale" : ""}>{number(status.coverage_pct, 1)} %</span> : "\u2014"),
      sort: ({ status }) => status?.coverage_pct,
    },
    { key: "p", head: `P now [${scale.unit}]`, num: true, cell: ({ group, status }) => (status ? power(measuredPower(status)) : told(group)), sort: ({ status }) => status && measuredPower(status) },
    {
      key: "bar",
      head: "In its range",
      cell: ({ group, status, dispatch }) =>
        status && (
          <div style={{ minWidth: 160 }}>
            <Bar
              label={`${group.name}: power now inside the range it can reach`}
              min={Math.min(status.installed_min_w, 0)}
              max={Math.max(status.installed_max_w, 0)}
              now={measuredPower(status)}
              low={status.available_min_w}
              high={status.available_max_w}
              target={dispatch?.state === "active" && dispatch.parameter === "activePower" ? dispatch.target_now : null}
            />
          </div>
        ),
    },
    { key: "low", head: `Lowest [${scale.unit}]`, num: true, cell: ({ status }) => power(status?.available_min_w), sort: ({ status }) => status?.available_min_w },
    { key: "high", head: `Highest [${scale.unit}]`, num: true, cell: ({ status }) => power(status?.available_max_w), sort: ({ status }) => status?.available_max_w },
    { key: "soc", head: "SoC", num: true, cell: ({ status }) => (status?.soc_pct == null ? "\u2014" : `${number(status.soc_pct)} %`), sort: ({ status }) => status?.soc_pct },
    {
      key: "dispatch",
      head: "Dispatch",
      cell: ({ dispatch }) =>
        dispatch && (
          <Link to="/dispatches/$mrid" params={{ mrid: dispatch.mrid }}>
            {dispatchTitle(dispatch)} <DispatchState {...dispatch} />
          </Link>
        ),
    },
    ...(props.onPick ? [] : [{ key: "owner", head: "Owner", cell: ({ group }: Row) => group.owner, sort: ({ group }: Row) => group.owner }]),
    { key: "age", head: "Age", num: true, cell: ({ group, status }) => (status ? <Age at={status.at} /> : group.told ? <Age at={group.told.at} /> : "\u2014") },
    ...(props.onPick
      ? [{ key: "pick", head: <span className="sr-only">Trend</span>, cell: ({ group }: Row) => (
          <button type="button" className="sort" style={{ color: "var(--accent)" }} aria-pressed={props.picked === group.mrid} onClick={() => props.onPick?.(group.mrid)}>
            trend
          </button>
        ) }]
      : []),
  ];
  return (
    <DataTable
      label="Groups"
      rows={rows}
      columns={columns}
      rowKey={({ group }) => group.mrid}
      selected={props.picked}
      onOpen={({ group }) => void navigate({ to: "/groups/$mrid", params: { mrid: group.mrid }, search: { tab: "status" } })}
    />
  );
}
