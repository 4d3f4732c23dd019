import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get } from "@/api/client";
import type { Partner } from "@/api/types";
import { CommandButton } from "@/components/controls";
import { DataTable, type Column } from "@/components/DataTable";
import { Empty, Query } from "@/components/states";
import { Age } from "@/components/Value";
import { count } from "@/lib/quantities";
import { NewPartner } from "./NewPartner";
import { oldest, PartnerState } from "./state";

const COLUMNS: Column<Partner>[] = [
  { key: "name", head: "Partner", cell: (p) => <Link to="/partners/$mrid" params={{ mrid: p.mrid }}>{p.name}</Link>, sort: (p) => p.name },
  { key: "client", head: "API client", cell: (p) => <span className="mono">{p.client_id}</span>, sort: (p) => p.client_id },
  { key: "url", head: "Address", wrap: true, cell: (p) => <span className="mono">{p.base_url}</span>, sort: (p) => p.base_url },
  { key: "state", head: "Delivery", cell: (p) => <PartnerState of={p} />, sort: (p) => p.state },
  { key: "last", head: "Last delivered", num: true, cell: (p) => <Age at={p.last_delivered_at} after=" ago" />, sort: (p) => p.last_delivered_at },
  { key: "waiting", head: "Waiting", num: true, cell: (p) => count(p.waiting), sort: (p) => p.waiting },
  { key: "oldest", head: "Oldest", num: true, cell: oldest, sort: (p) => p.oldest_waiting_s },
  { key: "parked", head: "Parked", num: true, cell: (p) => <span className={p.parked > 0 ? "strong" : ""}>{count(p.parked)}</span>, sort: (p) => p.parked },
  { key: "error", head: "Last failure", wrap: true, cell: (p) => (p.failures > 0 || p.parked > 0 ? p.last_error : "") },
];

/** Who is told about groups, statuses, forecasts and device events, and whether it arrives. */
export function PartnersPage(): ReactNode {
  const [isNew, setNew] = useState(false);
  const navigate = useNavigate();
  const partners = useQuery({
    queryKey: ["partners"],
    queryFn: ({ signal }) => get<Partner[]>("partners", signal),
    refetchInterval: 5000,
  });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Partners</h1>
        <span className="row push">
          <CommandButton permission="partners.write" onClick={() => setNew(true)}>
            New partner
          </CommandButton>
        </span>
      </div>
      <section className="panel" aria-label="Partners">
        <Query of={partners} what="partners">
          {(rows) =>
            rows.length === 0 ? (
              <Empty why="Nobody is told anything yet. A partner is an API client with an address that messages are sent to." />
            ) : (
              <DataTable label="Partners" rows={rows} rowKey={(p) => p.mrid} dimmed={(p) => !p.enabled} columns={COLUMNS} onOpen={(p) => void navigate({ to: "/partners/$mrid", params: { mrid: p.mrid } })} />
            )
          }
        </Query>
      </section>
      {isNew && <NewPartner onClose={() => setNew(false)} />}
    </div>
  );
}
