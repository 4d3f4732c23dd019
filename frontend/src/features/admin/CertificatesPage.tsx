import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get } from "@/api/client";
import { useMay } from "@/api/me";
import { usePages } from "@/api/pages";
import type { CertificateOf, Partner } from "@/api/types";
import { Pick } from "@/components/controls";
import { DataTable, More } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { count } from "@/lib/quantities";
import { dateTime } from "@/lib/time";
import { CERTIFICATE_STATES, type CertificateState } from "./search";

const WORDS: Record<CertificateState, string> = {
  good: "good",
  ends_soon: "ends soon",
  expired: "expired",
  early: "not yet valid",
  revoked: "revoked",
};
const REFRESH_MS = 60_000;

function stateText(c: CertificateOf): string {
  const word = WORDS[c.state as CertificateState];
  if (c.state === "revoked") return `${word}: ${c.revoked_reason}`;
  return c.client.is_active ? word : `${word}, client is off`;
}

function daysText(c: CertificateOf): string {
  if (c.state === "revoked") return "";
  return c.days_left < 0 ? `${count(-c.days_left)} ago` : count(Math.floor(c.days_left));
}

/** The partner page of each API client that has one. */
function usePartners(): ReadonlyMap<string, Partner> {
  const may = useMay("partners.read");
  const found = useQuery({ queryKey: ["partners", "of clients"], queryFn: ({ signal }) => get<Partner[]>("partners?retired=true", signal), enabled: may });
  return new Map((found.data ?? []).map((partner) => [partner.client_id, partner]));
}

function Table({ rows }: { rows: CertificateOf[] }): ReactNode {
  const partners = usePartners();
  return (
    <DataTable
      label="Certificates"
      rows={rows}
      rowKey={(c) => c.sha256}
      dimmed={(c) => c.state === "revoked" || !c.client.is_active}
      columns={[
        {
          key: "client",
          head: "Client",
          cell: (c) => {
            const partner = partners.get(c.client.client_id);
            return partner ? (
              <Link to="/partners/$mrid" params={{ mrid: partner.mrid }}>
                {partner.name}
              </Link>
            ) : (
              c.client.name
            );
          },
          sort: (c) => c.client.name,
        },
        { key: "id", head: "Client id", cell: (c) => <span className="mono">{c.client.client_id}</span>, sort: (c) => c.client.client_id },
        { key: "subject", head: "Subject", wrap: true, cell: (c) => c.subject, sort: (c) => c.subject },
        { key: "issuer", head: "Issuer", wrap: true, cell: (c) => c.issuer },
        { key: "sha", head: "SHA-256", cell: (c) => <span className="mono" title={c.sha256}>{c.sha256.slice(0, 16)}…</span> },
        { key: "until", head: "Valid until", cell: (c) => dateTime(c.not_after), sort: (c) => c.not_after },
        { key: "days", head: "Days left", num: true, cell: daysText, sort: (c) => c.days_left },
        { key: "state", head: "State", wrap: true, cell: (c) => <span className={c.state === "ends_soon" || c.state === "expired" ? "strong" : ""}>{stateText(c)}</span>, sort: (c) => CERTIFICATE_STATES.indexOf(c.state as CertificateState) },
      ]}
    />
  );
}

/** The certificates of all API clients, those that end first on top. */
export function CertificatesPage(): ReactNode {
  const { state, q } = useSearch({ from: "/certificates" });
  const navigate = useNavigate({ from: "/certificates" });
  const [text, setText] = useState(q ?? "");
  const found = usePages<CertificateOf>("certificates", { state, q }, { refetchMs: REFRESH_MS });
  const show = (more: { state?: CertificateState | undefined; q?: string | undefined }): void => void navigate({ search: { state, q, ...more }, replace: true });
  const isFiltered = state !== undefined || q !== undefined;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Certificates</h1>
      </div>
      <form
        className="row"
        onSubmit={(e) => {
          e.preventDefault();
          show({ q: text.trim() || undefined });
        }}
      >
        <Pick
          label="State"
          all="all states"
          value={state ?? ""}
          onChange={(value) => show({ state: CERTIFICATE_STATES.find((one) => one === value) })}
          options={CERTIFICATE_STATES.map((one) => [one, WORDS[one]])}
        />
        <input className="input" aria-label="Client or subject contains" placeholder="client or subject contains" value={text} onChange={(e) => setText(e.target.value)} />
        <button type="submit" className="btn">
          Search
        </button>
        <span className="dim small push">Thirty days before the last certificate of a client ends an alarm is raised.</span>
      </form>
      {found.isLoading ? (
        <Loading what="certificates" />
      ) : found.error ? (
        <ErrorBox what="Loading certificates" error={found.error} retry={found.refetch} />
      ) : found.rows.length === 0 ? (
        <Empty why={isFiltered ? "No certificate fits the filter." : "No API client is known by a certificate yet. Administrators register them on the page Users and clients."}>
          {isFiltered && (
            <button
              type="button"
              className="btn"
              onClick={() => {
                setText("");
                show({ state: undefined, q: undefined });
              }}
            >
              Show all
            </button>
          )}
        </Empty>
      ) : (
        <Table rows={found.rows} />
      )}
      <More shown={found.rows.length} hasMore={found.hasMore} busy={found.busy} onMore={found.more} what="certificates" />
    </div>
  );
}
