import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { CimCounters } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { Empty, Query } from "@/components/states";
import { useNow } from "@/live/clock";
import { count, NO_VALUE, number } from "@/lib/quantities";
import { shortTime } from "@/lib/time";

const ms = (value: number | null): string => (value == null ? NO_VALUE : number(value, value < 10 ? 1 : 0));

function columnsOf(now: number): Column<CimCounters>[] {
  return [
    { key: "client", head: "Partner", cell: (c) => c.client, sort: (c) => c.client },
    { key: "direction", head: "Dir", cell: (c) => c.direction, sort: (c) => c.direction },
    { key: "messages", head: "Messages", num: true, cell: (c) => count(c.messages), sort: (c) => c.messages },
    { key: "failed", head: "Not OK", num: true, cell: (c) => <span className={c.failed > 0 ? "strong" : ""}>{count(c.failed)}</span>, sort: (c) => c.failed },
    { key: "median", head: "Median ms", num: true, cell: (c) => ms(c.median_ms), sort: (c) => c.median_ms },
    { key: "p95", head: "p95 ms", num: true, cell: (c) => ms(c.p95_ms), sort: (c) => c.p95_ms },
    { key: "last", head: "Last", cell: (c) => shortTime(c.last_at, now), sort: (c) => c.last_at },
  ];
}

/** Messages, errors and latencies of each partner over the last 24 hours. */
export function Counters({ onPick }: { onPick: (client: string) => void }): ReactNode {
  const now = useNow();
  const counters = useQuery({
    queryKey: ["cim-counters"],
    queryFn: ({ signal }) => get<CimCounters[]>("cim-counters", signal),
    refetchInterval: 60_000,
  });
  return (
    <section className="panel cim-counters" aria-label="Partners, last 24 hours">
      <Query of={counters} what="the counters" rows={3}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty why="No message in the last 24 hours." />
          ) : (
            <DataTable label="Partners, last 24 hours" rows={rows} columns={columnsOf(now)} rowKey={(c) => `${c.client} ${c.direction}`} onOpen={(c) => onPick(c.client)} />
          )
        }
      </Query>
    </section>
  );
}
