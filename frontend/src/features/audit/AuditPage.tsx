import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get } from "@/api/client";
import { usePages } from "@/api/pages";
import type { AuditRecord, Verification } from "@/api/types";
import { Dialog } from "@/components/controls";
import { DataTable, More } from "@/components/DataTable";
import { SourceLink } from "@/components/SourceLink";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { useNow } from "@/live/clock";
import { count } from "@/lib/quantities";
import { dateTime, shortTime, zoneName } from "@/lib/time";
import { AUDIT_FILTERS } from "./search";

function verdict({ intact, records, faults }: Verification, at: number): string {
  if (intact) return `Chain whole: ${count(records)} records checked at ${dateTime(at)}`;
  return `Chain broken: ${faults.map((fault) => `record ${fault.seq} ${fault.kind}: ${fault.detail}`).join("; ")}`;
}

function VerificationLine(): ReactNode {
  const found = useQuery({
    queryKey: ["audit-verification"],
    queryFn: ({ signal }) => get<Verification>("audit/verification", signal),
    enabled: false,
    staleTime: Infinity,
  });
  return (
    <span className="row push">
      {found.isError && <span className="danger">The check failed: {found.error.message}</span>}
      {found.data && (
        <span role="status" className={found.data.intact ? "" : "danger strong"}>
          {verdict(found.data, found.dataUpdatedAt)}
        </span>
      )}
      <button type="button" className="btn" disabled={found.isFetching} onClick={() => void found.refetch()}>
        {found.isFetching ? "Verifying" : "Verify the chain"}
      </button>
    </span>
  );
}

function pretty(value: unknown): string {
  return JSON.stringify(value ?? null, null, 2);
}

function RecordDialog({ record, onClose }: { record: AuditRecord; onClose: () => void }): ReactNode {
  const at = Date.parse(record.at);
  return (
    <Dialog title={`Record ${record.seq ?? ""}: ${record.action}`} onClose={onClose} size={760}>
      <dl className="facts">
        <dt>When</dt>
        <dd>
          {dateTime(at)} {zoneName(at)} ({record.at})
        </dd>
        <dt>Who</dt>
        <dd>
          {record.actor_name} ({record.actor_kind}, by {record.source} {record.address})
        </dd>
        <dt>Object</dt>
        <dd>
          {record.object_type} <SourceLink type={record.object_type} mrid={record.object_mrid}>{record.object_mrid}</SourceLink>
        </dd>
        <dt>Outcome</dt>
        <dd>{record.outcome}</dd>
        <dt>Correlation</dt>
        <dd className="mono">{record.correlation_id}</dd>
        {record.hash && (
          <>
            <dt>Hash</dt>
            <dd className="mono">{record.hash}</dd>
          </>
        )}
      </dl>
      {(record.before != null || record.after != null) && (
        <div className="grid2">
          <div className="stack">
            <h2>Before</h2>
            <pre className="mono audit-json" tabIndex={0}>{pretty(record.before)}</pre>
          </div>
          <div className="stack">
            <h2>After</h2>
            <pre className="mono audit-json" tabIndex={0}>{pretty(record.after)}</pre>
          </div>
        </div>
      )}
    </Dialog>
  );
}

export function AuditPage(): ReactNode {
  const filters = useSearch({ from: "/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const records = usePages<AuditRecord>("audit", { ...filters });
  const [open, setOpen] = useState<AuditRecord | null>(null);
  const now = useNow();
  return (
    <div className="page">
      <div className="page-head">
        <h1>Audit</h1>
        {AUDIT_FILTERS.map((name, k) => (
          <input key={name} className="input" style={{ width: 140 }} {...(k === 0 && { "data-filter": true })} type="search" aria-label={`Filter by ${name.replace("_", " ")}`} placeholder={name === "from" || name === "to" ? `${name}, ISO time` : name.replace("_", " ")} defaultValue={filters[name] ?? ""} onChange={(e) => void navigate({ search: { ...filters, [name]: e.target.value || undefined }, replace: true, resetScroll: false })} />
        ))}
        <VerificationLine />
      </div>
      {records.isLoading ? (
        <Loading what="the audit log" rows={14} />
      ) : records.error ? (
        <ErrorBox what="Loading the audit log" error={records.error} retry={records.refetch} />
      ) : records.rows.length === 0 ? (
        <Empty why="No record matches." />
      ) : (
        <section className="panel">
          <DataTable
            label="Audit records"
            rows={records.rows}
            rowKey={(r) => String(r.seq ?? r.at)}
            onOpen={setOpen}
            columns={[
              { key: "seq", head: "No.", num: true, cell: (r) => r.seq, sort: (r) => r.seq },
              { key: "at", head: "Time", cell: (r) => <span className="nowrap">{shortTime(r.at, now)}</span>, sort: (r) => r.at },
              { key: "actor", head: "Who", cell: (r) => r.actor_name, sort: (r) => r.actor_name },
              { key: "source", head: "By", cell: (r) => `${r.source} ${r.address}`.trim() },
              { key: "action", head: "Action", cell: (r) => r.action, sort: (r) => r.action },
              { key: "object", head: "Object", cell: (r) => <>{r.object_type} <SourceLink type={r.object_type} mrid={r.object_mrid}><span className="mono">{r.object_mrid.slice(0, 13)}</span></SourceLink></>, sort: (r) => r.object_type },
              { key: "outcome", head: "Outcome", cell: (r) => <span className={r.outcome === "refused" ? "strong" : ""}>{r.outcome}</span>, sort: (r) => r.outcome },
              { key: "open", head: <span className="sr-only">Open</span>, cell: (r) => <button type="button" className="btn quiet" onClick={() => setOpen(r)}>open</button> },
            ]}
          />
          <More shown={records.rows.length} hasMore={records.hasMore} busy={records.busy} onMore={records.more} what="records" />
        </section>
      )}
      {open && <RecordDialog record={open} onClose={() => setOpen(null)} />}
    </div>
  );
}
