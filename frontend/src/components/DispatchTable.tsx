import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Dispatch } from "@/api/types";
import { useNow } from "@/live/clock";
import { baseOf, inWords, quantity } from "@/lib/quantities";
import { shortTime } from "@/lib/time";
import { DataTable, type Column } from "./DataTable";
import { DispatchState } from "./symbols";

export function dispatchTitle(dispatch: Dispatch): string {
  return dispatch.name || `D-${dispatch.mrid.slice(0, 8)}`;
}

function asked(dispatch: Dispatch): number | null {
  return dispatch.target_now ?? dispatch.values[0] ?? null;
}

interface Props {
  rows: readonly Dispatch[];
  /** Only what an overview has room for. */
  brief?: boolean;
}

export function DispatchTable({ rows, brief = false }: Props): ReactNode {
  const now = useNow();
  const navigate = useNavigate();
  const columns: Column<Dispatch>[] = [
    {
      key: "name",
      head: "Dispatch",
      cell: (d) => (
        <Link to="/dispatches/$mrid" params={{ mrid: d.mrid }}>
          {dispatchTitle(d)}
        </Link>
      ),
      sort: dispatchTitle,
    },
    { key: "group", head: "Group", cell: (d) => d.group_name, sort: (d) => d.group_name },
    { key: "asked", head: "Asked", num: true, cell: (d) => inWords(asked(d), d.parameter), sort: asked },
    {
      key: "measured",
      head: "Measured",
      num: true,
      cell: (d) => <span className="value">{quantity(d.measured_now, baseOf(d.parameter))}</span>,
      sort: (d) => d.measured_now,
    },
    ...(brief ? [] : [
      { key: "start", head: "Starts", cell: (d: Dispatch) => shortTime(d.start_at, now), sort: (d: Dispatch) => d.start_at },
    ]),
    { key: "end", head: "Ends", cell: (d) => shortTime(d.end_at, now), sort: (d) => d.end_at },
    { key: "state", head: "State", cell: (d) => <DispatchState {...d} />, sort: (d) => d.state },
    ...(brief ? [] : [
      { key: "priority", head: "Prio", num: true, cell: (d: Dispatch) => d.priority, sort: (d: Dispatch) => d.priority },
      { key: "by", head: "Requested by", cell: (d: Dispatch) => `${d.requested_by} (${d.source})`, sort: (d: Dispatch) => d.requested_by },
    ]),
  ];
  return (
    <DataTable
      label="Dispatches"
      rows={rows}
      columns={columns}
      rowKey={(d) => d.mrid}
      onOpen={(d) => void navigate({ to: "/dispatches/$mrid", params: { mrid: d.mrid } })}
    />
  );
}
