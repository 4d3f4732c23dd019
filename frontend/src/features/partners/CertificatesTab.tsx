import type { ReactNode } from "react";
import { usePages } from "@/api/pages";
import type { ClientCertificate, Partner } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { useNow } from "@/live/clock";
import { certificate } from "@/lib/partners";
import { dateTime, instant } from "@/lib/time";

const DAY_MS = 86_400_000;
const WARNING_DAYS = 30;

function columnsOf(now: number): Column<ClientCertificate>[] {
  const days = (c: ClientCertificate): number => Math.floor((instant(c.not_after) - now) / DAY_MS);
  const isEnding = (c: ClientCertificate): boolean => !c.revoked_at && days(c) <= WARNING_DAYS;
  return [
    { key: "subject", head: "Subject", wrap: true, cell: (c) => c.subject, sort: (c) => c.subject },
    { key: "issuer", head: "Issuer", wrap: true, cell: (c) => c.issuer },
    { key: "sha", head: "SHA-256", cell: (c) => <span className="mono">{c.sha256.slice(0, 16)}</span> },
    { key: "from", head: "Valid from", cell: (c) => dateTime(c.not_before), sort: (c) => c.not_before },
    { key: "to", head: "to", cell: (c) => dateTime(c.not_after), sort: (c) => c.not_after },
    {
      key: "days",
      head: "State",
      cell: (c) => <span className={isEnding(c) ? "strong" : ""}>{c.revoked_at ? `revoked: ${c.revoked_reason}` : `${isEnding(c) ? "! " : ""}${certificate(days(c))}`}</span>,
      sort: (c) => c.not_after,
    },
  ];
}

/** The certificates this partner is known by, and how long they last. */
export function CertificatesTab({ partner }: { partner: Partner }): ReactNode {
  const found = usePages<ClientCertificate>(`api-clients/${partner.client_mrid}/certificates`);
  const now = useNow();
  return (
    <section className="panel" aria-label="Certificates">
      <p className="dim">What this partner proves by. An alarm is raised {WARNING_DAYS} days before the last one ends.</p>
      {found.isLoading ? (
        <Loading what="certificates" rows={3} />
      ) : found.error ? (
        <ErrorBox what="Loading certificates" error={found.error} retry={found.refetch} />
      ) : found.rows.length === 0 ? (
        <Empty why="This partner is known by no certificate: it shows a password or a token." />
      ) : (
        <DataTable label="Certificates" rows={found.rows} rowKey={(c) => c.sha256} dimmed={(c) => c.revoked_at !== null} columns={columnsOf(now)} />
      )}
    </section>
  );
}
