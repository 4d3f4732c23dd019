import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get, query } from "@/api/client";
import { useMay } from "@/api/me";
import type { AuditRecord, Page } from "@/api/types";
import { dateTime } from "@/lib/time";
import { DataTable } from "./DataTable";
import { Empty, Query } from "./states";

interface Props {
  mrid: string;
  created: string;
  modified: string;
}

/** Who changed this object and how, out of the audit log, for those who may read it. */
export function ObjectChanges({ mrid, created, modified }: Props): ReactNode {
  const may = useMay("audit.read");
  const records = useQuery({
    queryKey: ["audit", "object", mrid],
    queryFn: ({ signal }) => get<Page<AuditRecord>>(`audit${query({ object_mrid: mrid })}`, signal),
    enabled: may,
  });
  return (
    <div className="stack">
      <p className="dim">
        Created {dateTime(created)}, last changed {dateTime(modified)}.
      </p>
      {may ? (
        <Query of={records} what="changes">
          {({ results }) =>
            results.length === 0 ? (
              <Empty why="No change is recorded." />
            ) : (
              <DataTable
                label="Changes"
                rows={results}
                rowKey={(r) => String(r.seq)}
                columns={[
                  { key: "at", head: "Time", cell: (r) => dateTime(r.at), sort: (r) => r.at },
                  { key: "who", head: "Who", cell: (r) => r.actor_name },
                  { key: "what", head: "Action", cell: (r) => r.action },
                  { key: "outcome", head: "Outcome", cell: (r) => r.outcome },
                  { key: "seq", head: "Record", num: true, cell: (r) => r.seq },
                ]}
              />
            )
          }
        </Query>
      ) : (
        <Empty why="Who changed what is in the audit log, which your role may not read." />
      )}
    </div>
  );
}
