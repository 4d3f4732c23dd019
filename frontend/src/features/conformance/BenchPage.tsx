import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get } from "@/api/client";
import { usePages } from "@/api/pages";
import type { BenchPartner, BenchRun } from "@/api/types";
import { CommandButton } from "@/components/controls";
import { DataTable, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading, Query } from "@/components/states";
import { dateTime } from "@/lib/time";
import { SendBackDialog, StartDialog } from "./dialogs";
import { drift, runState } from "./words";

function lastRun(partner: BenchPartner): ReactNode {
  if (!partner.last_run || !partner.last_state) return "never";
  return (
    <Link to="/partner-bench/$mrid" params={{ mrid: partner.last_run }}>
      {runState(partner.last_state)}, {dateTime(partner.last_started_at)}
    </Link>
  );
}

function Partners({ onStart, onSendBack }: { onStart: (partner: BenchPartner) => void; onSendBack: (partner: BenchPartner) => void }): ReactNode {
  const partners = useQuery({
    queryKey: ["conformance", "partners"],
    queryFn: ({ signal }) => get<BenchPartner[]>("conformance/partners", signal),
    refetchInterval: 5000,
  });
  const columns: Column<BenchPartner>[] = [
    { key: "client", head: "API client", cell: (p) => <span className="mono">{p.client_id}</span>, sort: (p) => p.client_id },
    { key: "name", head: "Name", cell: (p) => p.name, sort: (p) => p.name },
    { key: "organisation", head: "Organisation", cell: (p) => p.organisation, sort: (p) => p.organisation },
    { key: "stage", head: "Stage", cell: (p) => (p.stage === "sandbox" ? <strong>SANDBOX</strong> : "live"), sort: (p) => p.stage },
    { key: "last", head: "Last run", cell: lastRun, sort: (p) => p.last_started_at },
    {
      key: "do",
      head: "",
      cell: (p) =>
        p.stage === "sandbox" ? (
          <CommandButton permission="conformance.run" blocked={p.last_state === "running" ? "A run is not over" : ""} onClick={() => onStart(p)}>
            Start a run…
          </CommandButton>
        ) : (
          <CommandButton permission="conformance.accept" onClick={() => onSendBack(p)}>
            Back to the sandbox…
          </CommandButton>
        ),
    },
  ];
  return (
    <section className="panel" aria-label="Partners">
      <h2>Partners</h2>
      <Query of={partners} what="partners">
        {(rows) =>
          rows.length === 0 ? (
            <Empty why="No API client speaks CIM yet. An administrator makes one on the page Users and clients; it starts in the sandbox." />
          ) : (
            <DataTable label="Partners" rows={rows} rowKey={(p) => p.mrid} dimmed={(p) => !p.is_active} columns={columns} />
          )
        }
      </Query>
    </section>
  );
}

const RUN_COLUMNS: Column<BenchRun>[] = [
  { key: "started", head: "Started", cell: (r) => <Link to="/partner-bench/$mrid" params={{ mrid: r.mrid }}>{dateTime(r.started_at)}</Link> },
  { key: "client", head: "API client", cell: (r) => <span className="mono">{r.client_id}</span> },
  { key: "scenario", head: "Scenario", cell: (r) => r.scenario_title },
  { key: "state", head: "State", cell: (r) => <span className={r.state === "failed" ? "strong nowrap" : "nowrap"}>{runState(r.state)}</span> },
  { key: "drift", head: "Clock", num: true, cell: (r) => drift(r.clock_drift_s) },
  { key: "by", head: "Started by", cell: (r) => r.started_by },
  { key: "accepted", head: "Accepted", cell: (r) => (r.accepted_at ? `${dateTime(r.accepted_at)} by ${r.accepted_by}` : "") },
];

function Runs(): ReactNode {
  const runs = usePages<BenchRun>("conformance/runs", {}, { refetchMs: 5000 });
  const navigate = useNavigate();
  return (
    <section className="panel" aria-label="Runs">
      <h2>Runs</h2>
      {runs.error ? (
        <ErrorBox what="Loading runs" error={runs.error} retry={runs.refetch} />
      ) : runs.isLoading ? (
        <Loading what="runs" />
      ) : runs.rows.length === 0 ? (
        <Empty why="Nobody has run the bench yet. Start a run for a partner in the sandbox." />
      ) : (
        <DataTable label="Runs" rows={runs.rows} rowKey={(r) => r.mrid} columns={RUN_COLUMNS} onOpen={(r) => void navigate({ to: "/partner-bench/$mrid", params: { mrid: r.mrid } })} />
      )}
      {runs.hasMore && (
        <button type="button" className="btn" disabled={runs.busy} onClick={runs.more}>
          More
        </button>
      )}
    </section>
  );
}

/** Where an integrator proves his system against the sandbox, before it goes live. */
export function BenchPage(): ReactNode {
  const [starting, setStarting] = useState<BenchPartner | null>(null);
  const [leaving, setLeaving] = useState<BenchPartner | null>(null);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Partner bench</h1>
        <span className="dim">A partner proves its system against simulated devices of the sandbox utility, apart from live work.</span>
      </div>
      <Partners onStart={setStarting} onSendBack={setLeaving} />
      <Runs />
      {starting && <StartDialog partner={starting} onClose={() => setStarting(null)} />}
      {leaving && <SendBackDialog partner={leaving} onClose={() => setLeaving(null)} />}
    </div>
  );
}
