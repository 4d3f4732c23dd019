import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get, query, request } from "@/api/client";
import type { ImportJob } from "@/api/types";
import { CommandButton, FormError } from "@/components/controls";
import { DataTable } from "@/components/DataTable";
import { Query } from "@/components/states";
import { csvOf, saveText } from "@/lib/csv";
import { count } from "@/lib/quantities";
import "./devices.css";

const RUNNING = new Set(["queued", "running"]);

function Errors({ job }: { job: ImportJob }): ReactNode {
  if (job.errors.length === 0) return null;
  const save = (): void => saveText(csvOf(["row", "column", "message"], job.errors.map((e) => [e.row, e.column, e.message])), "import-errors.csv");
  return (
    <div className="stack import-errors">
      <div className="row">
        <h2>{count(job.bad)} bad rows</h2>
        {job.errors.length < job.bad && <span className="dim">the first {count(job.errors.length)} are shown</span>}
        <button type="button" className="btn push" onClick={save}>
          Download the errors
        </button>
      </div>
      <DataTable
        label="Row errors"
        rows={job.errors}
        rowKey={(e) => `${e.row} ${e.column} ${e.message}`}
        columns={[
          { key: "row", head: "Row", num: true, cell: (e) => e.row, sort: (e) => e.row },
          { key: "column", head: "Column", cell: (e) => e.column, sort: (e) => e.column },
          { key: "message", head: "What is wrong", wrap: true, cell: (e) => e.message, sort: (e) => e.message },
        ]}
      />
    </div>
  );
}

function Job({ job }: { job: ImportJob }): ReactNode {
  const isRunning = RUNNING.has(job.state);
  return (
    <div className="stack">
      <p role="status">
        {isRunning ? (
          <>
            {job.state}: {count(job.done)} of {count(job.rows)} rows
          </>
        ) : (
          <strong>
            {job.state === "done"
              ? job.dry_run
                ? `Checked: ${count(job.created)} would be created, ${count(job.updated)} changed, ${count(job.bad)} are bad. Nothing was written.`
                : `Imported: ${count(job.created)} created, ${count(job.updated)} changed, ${count(job.bad)} bad rows left out.`
              : `${job.state}: nothing was written.`}
          </strong>
        )}
      </p>
      {isRunning && <progress max={Math.max(job.rows, 1)} value={job.done} aria-label="Progress of the import" />}
      {job.warnings?.map((warning) => (
        <p key={warning} className="dim">
          {warning}
        </p>
      ))}
      <Errors job={job} />
    </div>
  );
}

/** Upload, check without writing, look at the bad rows, import. */
export function ImportPage(): ReactNode {
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [skipBad, setSkipBad] = useState(false);
  const [job, setJob] = useState<{ address: string; file: File; skipBad: boolean } | null>(null);
  const start = useMutation({
    mutationFn: async (dryRun: boolean) => {
      const address = `devices/imports${query({ dry_run: dryRun, skip_bad: skipBad })}`;
      const { data, location } = await request<{ mrid?: string }>(address, { method: "POST", raw: { content: file!, type: "text/csv" } });
      return location ? new URL(location, window.location.origin).pathname : `devices/imports/${data.mrid}`;
    },
    onSuccess: (address) => setJob({ address, file: file!, skipBad }),
  });
  const progress = useQuery({
    queryKey: ["import", job?.address],
    queryFn: async ({ signal }) => {
      const found = await get<ImportJob>(job!.address, signal);
      if (!RUNNING.has(found.state) && !found.dry_run) void queries.invalidateQueries({ queryKey: ["fleet"] });
      return found;
    },
    enabled: job !== null,
    refetchInterval: ({ state }) => (!state.data || RUNNING.has(state.data.state) ? 500 : false),
  });
  const isChecked = job?.file === file && job?.skipBad === skipBad && progress.data?.state === "done" && progress.data.dry_run;
  const isBusy = start.isPending || (job !== null && RUNNING.has(progress.data?.state ?? "queued") && !progress.isError);
  const mayWrite = isChecked && (progress.data!.bad === 0 || skipBad);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Import devices</h1>
        <Link to="/devices">Back to the devices</Link>
        <a className="push" href="/api/v1/devices/export" download>
          Export of the present devices, which can be imported again
        </a>
      </div>
      <section className="panel">
        <div className="row">
          <input className="input" type="file" accept=".csv,text/csv" aria-label="CSV file" onChange={(e) => setFile(e.target.files?.[0] ?? null)} />
          <label className="check">
            <input type="checkbox" checked={skipBad} onChange={(e) => setSkipBad(e.target.checked)} />
            leave bad rows out instead of refusing all
          </label>
          <CommandButton permission="devices.import" blocked={file ? "" : "Choose a file"} disabled={isBusy} onClick={() => start.mutate(true)}>
            Check without writing
          </CommandButton>
          <CommandButton kind="primary" permission="devices.import" blocked={mayWrite ? "" : isChecked ? "There are bad rows" : "Check the file first"} disabled={isBusy} onClick={() => start.mutate(false)}>
            Import
          </CommandButton>
        </div>
        <FormError error={start.error} />
      </section>
      {job && (
        <section className="panel" aria-label="Result">
          <Query of={progress} what="the import" rows={3}>
            {(data) => <Job job={data} />}
          </Query>
        </section>
      )}
    </div>
  );
}
