import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { get } from "@/api/client";
import { usePages } from "@/api/pages";
import type { Control, ControlledDevice } from "@/api/types";
import { Segments } from "@/components/controls";
import { DataTable, More, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading, Query } from "@/components/states";
import { useNow } from "@/live/clock";
import { useTopic } from "@/live/topics";
import { quantity } from "@/lib/quantities";
import { clock, dateTime, span } from "@/lib/time";
import { Decisions } from "./Decisions";
import { isLoud, isOver, progressText, sizeText, stateText, titleOf } from "./words";

const ENOUGH = 200;

function Facts({ of: c }: { of: Control }): ReactNode {
  const now = useNow();
  return (
    <dl className="facts">
      <dt>Size</dt>
      <dd className="strong">{sizeText(c)}</dd>
      {c.group_mrids.length > 0 && (
        <>
          <dt>Groups</dt>
          <dd>
            {c.group_mrids.map((mrid, k) => (
              <span key={mrid}>
                {k > 0 && ", "}
                <Link to="/groups/$mrid" params={{ mrid }} search={{ tab: "status" }}>
                  {c.group_names[k]}
                </Link>
              </span>
            ))}
          </dd>
        </>
      )}
      <dt>Starts</dt>
      <dd>{dateTime(c.started_at ?? c.start_at)}</dd>
      <dt>Ends</dt>
      <dd>{c.duration_s === null ? "stays until another control" : c.end_at ? `goes back at ${dateTime(c.end_at)}` : `goes back after ${span(c.duration_s * 1000)}`}</dd>
      <dt>Requested by</dt>
      <dd>
        {c.requested_by} ({c.source}) at {dateTime(c.created_at)}
      </dd>
      {c.reason && (
        <>
          <dt>Reason</dt>
          <dd>{c.reason}</dd>
        </>
      )}
      {c.needs_release && (
        <>
          <dt>Second person</dt>
          <dd>
            {c.decided_by
              ? `${c.decided_by} at ${dateTime(c.decided_at)}`
              : c.state === "awaiting_release" && c.release_until
                ? `nobody yet; expires in ${span(Math.max(0, Date.parse(c.release_until) - now))}`
                : "nobody"}
          </dd>
        </>
      )}
    </dl>
  );
}

type Shown = "" | "failed" | "unknown" | "pending" | "done";

const SHOWN: { value: Shown; text: string }[] = [
  { value: "", text: "All" },
  { value: "pending", text: "Pending" },
  { value: "failed", text: "Failed" },
  { value: "unknown", text: "Unknown" },
  { value: "done", text: "Done" },
];

const COLUMNS: Column<ControlledDevice>[] = [
  { key: "name", head: "Device", cell: (d) => <Link to="/devices/$mrid" params={{ mrid: d.mrid }} search={{ tab: "live" }}>{d.name}</Link>, sort: (d) => d.name },
  { key: "rated", head: "Rating", num: true, cell: (d) => quantity(d.rated_w, "W"), sort: (d) => d.rated_w },
  { key: "phase", head: "Part", cell: (d) => (d.phase === 1 ? "control" : "going back"), sort: (d) => d.phase },
  { key: "outcome", head: "Outcome", cell: (d) => <span className={d.outcome === "failed" || d.outcome === "unknown" ? "strong" : ""}>{d.outcome}</span>, sort: (d) => d.outcome },
  { key: "detail", head: "Why", cell: (d) => d.detail, wrap: true },
  { key: "at", head: "Known at", cell: (d) => (d.settled_at ? clock(d.settled_at) : ""), sort: (d) => d.settled_at },
];

function Devices({ of: c }: { of: Control }): ReactNode {
  const navigate = useNavigate();
  const [outcome, setOutcome] = useState<Shown>("");
  const path = `controls/${c.mrid}/devices`;
  const queries = useQueryClient();
  // Every outcome that becomes known counts the revision up, the last one too.
  useEffect(() => void queries.invalidateQueries({ queryKey: [path] }), [queries, path, c.revision]);
  const devices = usePages<ControlledDevice>(path, { page_size: ENOUGH, outcome }, { refetchMs: isOver(c) ? 60_000 : 5000 });
  return (
    <section className="panel" aria-label="Devices">
      <header>
        <h2>Devices</h2>
        <Segments label="" value={outcome} onChange={setOutcome} options={SHOWN} />
        <span className="dim">{progressText(c)}</span>
      </header>
      {devices.isLoading ? (
        <Loading what="devices" rows={8} />
      ) : devices.error ? (
        <ErrorBox what="Loading devices" error={devices.error} retry={devices.refetch} />
      ) : devices.rows.length === 0 ? (
        <Empty why={outcome === "" ? "The control touches no device." : `No device is ${outcome}.`} />
      ) : (
        <>
          <DataTable label="Devices of the control" rows={devices.rows} columns={COLUMNS} rowKey={(d) => `${d.phase}-${d.mrid}`} onOpen={(d) => void navigate({ to: "/devices/$mrid", params: { mrid: d.mrid }, search: { tab: "live" } })} />
          <More shown={devices.rows.length} hasMore={devices.hasMore} busy={devices.busy} onMore={devices.more} what="devices" />
        </>
      )}
    </section>
  );
}

function Body({ stored }: { stored: Control }): ReactNode {
  const live = useTopic<Control>(`control:${stored.mrid}`).data;
  const c = live && live.revision >= stored.revision ? live : stored;
  return (
    <>
      <div className="page-head">
        <h1>{titleOf(c)}</h1>
        <span className={isLoud(c) ? "tag strong" : "tag"} data-testid="control-state">
          {stateText(c)}
        </span>
        <span className="row push">
          <Decisions control={c} />
        </span>
      </div>
      {c.state_reason && <div className={isLoud(c) ? "banner" : "dim"}>{c.state_reason}</div>}
      <section className="panel" aria-label="Control">
        <Facts of={c} />
      </section>
      <Devices of={c} />
    </>
  );
}

export function ControlPage(): ReactNode {
  const { mrid } = useParams({ from: "/controls/$mrid" });
  const control = useQuery({
    queryKey: ["controls", mrid],
    queryFn: ({ signal }) => get<Control>(`controls/${mrid}`, signal),
    refetchInterval: 5000,
  });
  return (
    <div className="page">
      <Query of={control} what="the control" rows={10}>
        {(data) => <Body key={mrid} stored={data} />}
      </Query>
    </div>
  );
}
