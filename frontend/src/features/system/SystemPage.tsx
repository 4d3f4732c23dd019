import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { System } from "@/api/types";
import { DataTable } from "@/components/DataTable";
import { Query } from "@/components/states";
import { Age } from "@/components/Value";
import { useLink } from "@/live/topics";
import { count, number } from "@/lib/quantities";
import { dateTime, span } from "@/lib/time";

function megabytes(bytes: number): string {
  return `${number(bytes / 2 ** 20, 1)} MiB`;
}

function Processes({ of: s }: { of: System }): ReactNode {
  if (s.processes.length === 0) return <p className="dim">No supervisor tells about the processes here.</p>;
  return (
    <DataTable
      label="Processes"
      rows={s.processes}
      rowKey={(p) => p.name}
      columns={[
        { key: "name", head: "Process", cell: (p) => p.name, sort: (p) => p.name },
        { key: "state", head: "State", cell: (p) => <span className={p.state === "running" ? "" : "strong"}>{p.state}</span>, sort: (p) => p.state },
        { key: "pid", head: "Number", num: true, cell: (p) => p.pid ?? "" },
        { key: "restarts", head: "Restarts", num: true, cell: (p) => count(p.restarts), sort: (p) => p.restarts },
        { key: "started", head: "Running for", num: true, cell: (p) => <Age at={p.started_at} /> },
      ]}
    />
  );
}

function Polls({ of: s }: { of: System }): ReactNode {
  return (
    <DataTable
      label="Polls"
      rows={s.shards}
      rowKey={(r) => `${r.shard} ${r.rate_s}`}
      columns={[
        { key: "shard", head: "Shard", num: true, cell: (r) => r.shard, sort: (r) => r.shard },
        { key: "rate", head: "Every", num: true, cell: (r) => `${r.rate_s} s`, sort: (r) => r.rate_s },
        { key: "devices", head: "Devices", num: true, cell: (r) => count(r.devices), sort: (r) => r.devices },
        { key: "answered", head: "Answered", num: true, cell: (r) => <span className={r.answered < r.devices ? "strong" : ""}>{count(r.answered)}</span>, sort: (r) => r.answered },
        { key: "took", head: "Took", num: true, cell: (r) => `${number(r.duration_ms)} ms`, sort: (r) => r.duration_ms },
        { key: "overruns", head: "Overruns", num: true, cell: (r) => count(r.overruns), sort: (r) => r.overruns },
        { key: "started", head: "Last run", num: true, cell: (r) => <Age at={r.started_at} after=" ago" /> },
      ]}
    />
  );
}

function Facts({ of: s }: { of: System }): ReactNode {
  const link = useLink();
  return (
    <dl className="facts">
      <dt>Announcements waiting</dt>
      <dd>
        {count(s.outbox.waiting)}
        {s.outbox.waiting > 0 && `, the oldest for ${span(s.outbox.oldest_s * 1000)}`}
      </dd>
      <dt>Announcements given up</dt>
      <dd className={s.outbox.parked > 0 ? "strong" : ""}>{count(s.outbox.parked)}</dd>
      <dt>Database</dt>
      <dd>
        {megabytes(s.database_bytes)}, clock {number(s.database_clock_offset_s * 1000)} ms off
      </dd>
      <dt>Valkey</dt>
      <dd>{megabytes(s.valkey_bytes)}</dd>
      <dt>This console</dt>
      <dd>
        {link.state}, clock {number(Math.abs(link.skewMs))} ms {link.skewMs < 0 ? "ahead of" : "behind"} the server
      </dd>
      <dt>Version</dt>
      <dd>
        {s.build}
        {link.build !== "" && link.build !== s.build && `, sockets ${link.build}`}
      </dd>
    </dl>
  );
}

export function SystemPage(): ReactNode {
  const system = useQuery({
    queryKey: ["system"],
    queryFn: ({ signal }) => get<System>("system", signal),
    refetchInterval: 2000,
  });
  return (
    <div className="page">
      <Query of={system} what="system health" rows={10}>
        {(s) => (
          <>
            <div className="page-head">
              <h1>System health</h1>
              <span className="dim">as of {dateTime(s.at)}</span>
            </div>
            <div className="grid2">
              <section className="panel" aria-label="Processes">
                <h2>Processes</h2>
                <Processes of={s} />
              </section>
              <div className="stack">
                <section className="panel" aria-label="State">
                  <h2>State</h2>
                  <Facts of={s} />
                </section>
                <section className="panel" aria-label="Queues">
                  <h2>Work waiting in queues</h2>
                  <dl className="facts">
                    {s.queues.map(({ name, waiting }) => (
                      <div key={name} style={{ display: "contents" }}>
                        <dt>{name}</dt>
                        <dd>{count(waiting)}</dd>
                      </div>
                    ))}
                  </dl>
                </section>
              </div>
            </div>
            <section className="panel" aria-label="Polls">
              <h2>Polls of devices</h2>
              <Polls of={s} />
            </section>
          </>
        )}
      </Query>
    </div>
  );
}
