import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import { usePages } from "@/api/pages";
import type { Dispatch, DispatchEvent, DispatchMember } from "@/api/types";
import { DataTable, More, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading, Query } from "@/components/states";
import { kindName } from "@/components/symbols";
import { Age, Value } from "@/components/Value";
import { baseOf, count, quantity, scaleOf, type Base } from "@/lib/quantities";
import { clock } from "@/lib/time";

export function Timeline({ dispatch }: { dispatch: Dispatch }): ReactNode {
  const events = useQuery({
    // A change of state or revision brings new events; asking by these saves a subscription.
    queryKey: ["dispatch-events", dispatch.mrid, dispatch.state, dispatch.tracking, dispatch.revision],
    queryFn: ({ signal }) => get<DispatchEvent[]>(`dispatches/${dispatch.mrid}/events`, signal),
    placeholderData: (old) => old,
  });
  return (
    <Query of={events} what="the timeline" rows={4}>
      {(rows) =>
        rows.length === 0 ? (
          <p className="dim">Nothing happened yet.</p>
        ) : (
          <ol className="timeline" tabIndex={0} aria-label="Timeline">
            {rows.map((event, k) => (
              <li key={k}>
                <span className="dim small">
                  {clock(event.at)} · {event.kind.replaceAll("_", " ")}
                  {event.actor_name && ` · ${event.actor_name}`}
                </span>
                <br />
                {event.text}
              </li>
            ))}
          </ol>
        )
      }
    </Query>
  );
}

const QUIET = new Set(["delivering", "not_commanded"]);

function columnsOf(rows: readonly DispatchMember[], base: Base): Column<DispatchMember>[] {
  const scale = scaleOf(Math.max(...rows.map((m) => Math.max(Math.abs(m.set_point ?? 0), Math.abs(m.measured ?? 0))), 1), base);
  const error = (m: DispatchMember): number | null => (m.set_point === null || m.measured === null ? null : m.measured - m.set_point);
  return [
    { key: "name", head: "Member", cell: (m) => <Link to="/devices/$mrid" params={{ mrid: m.device }} search={{ tab: "live" }}>{m.name}</Link>, sort: (m) => m.name },
    { key: "kind", head: "Kind", cell: (m) => kindName(m.kind), sort: (m) => m.kind },
    { key: "feeder", head: "Feeder", cell: (m) => m.feeder, sort: (m) => m.feeder },
    { key: "commanded", head: `Commanded [${scale.unit}]`, num: true, cell: (m) => <Value of={m.set_point} base={base} scale={scale} unit={false} />, sort: (m) => m.set_point },
    { key: "measured", head: `Measured [${scale.unit}]`, num: true, cell: (m) => <Value of={m.measured} base={base} scale={scale} unit={false} stale={m.state === "silent"} />, sort: (m) => m.measured },
    { key: "error", head: "Difference", num: true, cell: (m) => <Value of={error(m)} base={base} scale={scale} unit={false} signed />, sort: (m) => { const e = error(m); return e === null ? null : Math.abs(e); } },
    { key: "min", head: "Lowest", num: true, cell: (m) => quantity(m.min, base, { scale, unit: false }), sort: (m) => m.min },
    { key: "max", head: "Highest", num: true, cell: (m) => quantity(m.max, base, { scale, unit: false }), sort: (m) => m.max },
    { key: "command", head: "Command", cell: (m) => m.command_state ?? "", sort: (m) => m.command_state },
    { key: "state", head: "Part", cell: (m) => <span className={QUIET.has(m.state) ? "" : "strong"}>{m.state.replaceAll("_", " ")}</span>, sort: (m) => m.state },
    { key: "age", head: "Age", num: true, cell: (m) => <Age at={m.measured_at} />, sort: (m) => m.measured_at },
  ];
}

export function MembersTable({ dispatch }: { dispatch: Dispatch }): ReactNode {
  const navigate = useNavigate();
  const isOpen = dispatch.ended_at === null;
  const members = usePages<DispatchMember>(`dispatches/${dispatch.mrid}/members`, { page_size: 200 }, { refetchMs: isOpen ? 3000 : 60_000 });
  return (
    <section className="panel" aria-label="Members">
      <header>
        <h2>Members</h2>
        <span className="member-counts dim">
          <span>{count(dispatch.members)} in all</span>
          <span>{count(dispatch.members_delivering)} delivering</span>
          <span>{count(dispatch.members_limited)} at a limit</span>
          <span className={dispatch.members_silent > 0 ? "value-stale" : ""}>{count(dispatch.members_silent)} silent</span>
        </span>
      </header>
      {members.isLoading ? (
        <Loading what="members" rows={8} />
      ) : members.error ? (
        <ErrorBox what="Loading members" error={members.error} retry={members.refetch} />
      ) : members.rows.length === 0 ? (
        <Empty why={dispatch.state === "scheduled" ? "Members get their commands when the dispatch starts." : "No device was commanded."} />
      ) : (
        <>
          <DataTable label="Members of the dispatch" rows={members.rows} columns={columnsOf(members.rows, baseOf(dispatch.parameter))} rowKey={(m) => m.device} onOpen={(m) => void navigate({ to: "/devices/$mrid", params: { mrid: m.device }, search: { tab: "live" } })} />
          <More shown={members.rows.length} hasMore={members.hasMore} busy={members.busy} onMore={members.more} what="members" />
        </>
      )}
    </section>
  );
}
