import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { System } from "@/api/types";
import { Query } from "@/components/states";
import { count } from "@/lib/quantities";
import { span } from "@/lib/time";

function Facts({ of: s }: { of: System }): ReactNode {
  const stopped = s.processes.filter(({ state }) => state !== "running");
  const restarts = s.processes.reduce((sum, process) => sum + process.restarts, 0);
  const late = s.shards.filter((shard) => shard.overruns > 0);
  return (
    <dl className="facts">
      <dt>Processes</dt>
      <dd className={stopped.length > 0 ? "strong" : ""}>
        {s.processes.length === 0 ? "no supervisor tells" : stopped.length > 0 ? `! not running: ${stopped.map(({ name }) => name).join(", ")}` : `all ${s.processes.length} running`}
        {restarts > 0 && `, ${count(restarts)} restarts`}
      </dd>
      <dt>Queues</dt>
      <dd>
        {s.queues
          .filter(({ waiting }) => waiting > 0)
          .map(({ name, waiting }) => `${name} ${count(waiting)}`)
          .join(", ") || "empty"}
      </dd>
      <dt>Announcements</dt>
      <dd className={s.outbox.parked > 0 ? "strong" : ""}>
        {count(s.outbox.waiting)} waiting{s.outbox.waiting > 0 && `, oldest ${span(s.outbox.oldest_s * 1000)}`}
        {s.outbox.parked > 0 && `, ! ${count(s.outbox.parked)} given up`}
      </dd>
      <dt>Polls overrun</dt>
      <dd className={late.length > 0 ? "strong" : ""}>{late.length > 0 ? `${count(late.length)} of ${count(s.shards.length)} shards` : "none"}</dd>
    </dl>
  );
}

/** Whether the parts of the DERMS that carry messages run; the system page has the rest. */
export function Workers(): ReactNode {
  const system = useQuery({
    queryKey: ["system"],
    queryFn: ({ signal }) => get<System>("system", signal),
    refetchInterval: 5000,
  });
  return (
    <section className="panel" aria-label="Workers and queues">
      <header>
        <h2>Workers and queues</h2>
        <Link to="/system" className="push">
          System health
        </Link>
      </header>
      <Query of={system} what="system health" rows={4}>
        {(s) => <Facts of={s} />}
      </Query>
    </section>
  );
}
