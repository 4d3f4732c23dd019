import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { usePages } from "@/api/pages";
import type { BenchRun, Partner } from "@/api/types";
import { DataTable, More, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { drift } from "@/lib/partners";
import { dateTime } from "@/lib/time";

const COLUMNS: Column<BenchRun>[] = [
  { key: "started", head: "Started", cell: (r) => <Link to="/partner-bench/$mrid" params={{ mrid: r.mrid }}>{dateTime(r.started_at)}</Link>, sort: (r) => r.started_at },
  { key: "scenario", head: "Scenario", cell: (r) => r.scenario_title, sort: (r) => r.scenario_title },
  { key: "state", head: "State", cell: (r) => <span className={r.state === "failed" ? "strong" : ""}>{r.state}</span>, sort: (r) => r.state },
  { key: "drift", head: "Clock", num: true, cell: (r) => drift(r.clock_drift_s) },
  { key: "by", head: "Started by", cell: (r) => r.started_by },
  { key: "accepted", head: "Accepted", cell: (r) => (r.accepted_at ? `${dateTime(r.accepted_at)} by ${r.accepted_by}` : "") },
];

/** Runs of this partner against the sandbox. */
export function RunsTab({ partner }: { partner: Partner }): ReactNode {
  const runs = usePages<BenchRun>("conformance/runs", { client: partner.client_mrid }, { refetchMs: 5000 });
  const navigate = useNavigate();
  return (
    <section className="panel" aria-label="Test runs">
      {runs.isLoading ? (
        <Loading what="test runs" rows={3} />
      ) : runs.error ? (
        <ErrorBox what="Loading test runs" error={runs.error} retry={runs.refetch} />
      ) : runs.rows.length === 0 ? (
        <Empty why="This partner was never tested here.">
          <Link to="/partner-bench">Partner bench</Link>
        </Empty>
      ) : (
        <>
          <DataTable label="Test runs" rows={runs.rows} rowKey={(r) => r.mrid} columns={COLUMNS} onOpen={(r) => void navigate({ to: "/partner-bench/$mrid", params: { mrid: r.mrid } })} />
          <More shown={runs.rows.length} hasMore={runs.hasMore} busy={runs.busy} onMore={runs.more} what="runs" />
        </>
      )}
    </section>
  );
}
