import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { usePages } from "@/api/pages";
import type { Device, DeviceCommand, DeviceLink } from "@/api/types";
import { DataTable, More } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { linkText } from "@/components/symbols";
import { Age } from "@/components/Value";
import { count, NO_VALUE, number, quantity } from "@/lib/quantities";
import { clock, dateTime } from "@/lib/time";
import { useCauses, type Cause as Found } from "./causes";

function meaning(command: DeviceCommand): string {
  const kind = String(command.kind).replaceAll("_", " ");
  if (/connect|release/.test(kind)) return kind;
  return `${kind} ${quantity(command.value, kind.includes("reactive") ? "var" : "W")}`;
}

/** What a command was sent for: its dispatch or control, else its origin in the journal. */
function Cause({ command, found }: { command: DeviceCommand; found: Found | undefined }): ReactNode {
  const revision = `, revision ${command.revision}`;
  if (!found) return <span className="mono">{command.origin.slice(0, 8) + revision}</span>;
  const link =
    found.kind === "dispatch" ? (
      <Link to="/dispatches/$mrid" params={{ mrid: found.mrid }}>
        {found.title}
      </Link>
    ) : (
      <Link to="/controls/$mrid" params={{ mrid: found.mrid }}>
        {found.title}
      </Link>
    );
  return (
    <>
      {link}
      <span className="dim">{revision}</span>
    </>
  );
}

/** Everything this device was ever told, and what came of it. */
export function ControlTab({ mrid }: { mrid: string }): ReactNode {
  const commands = usePages<DeviceCommand>(`devices/${mrid}/commands`, {}, { refetchMs: 5000 });
  const causes = useCauses(commands.rows);
  if (commands.isLoading) return <Loading what="commands" />;
  if (commands.error) return <ErrorBox what="Loading commands" error={commands.error} retry={commands.refetch} />;
  if (commands.rows.length === 0) return <Empty why="This device was never commanded." />;
  return (
    <section className="panel">
      <DataTable
        label="Commands"
        rows={commands.rows}
        rowKey={(c) => `${c.origin} ${c.revision}`}
        columns={[
          { key: "at", head: "Made", cell: (c) => dateTime(c.created_at), sort: (c) => c.created_at },
          { key: "what", head: "Command", cell: meaning, sort: (c) => c.kind },
          { key: "state", head: "State", cell: (c) => <span className={/failed|rejected|unknown|expired/.test(c.state) ? "strong" : ""}>{c.state}</span>, sort: (c) => c.state },
          { key: "sent", head: "Sent", cell: (c) => (c.sent_at ? clock(c.sent_at) : NO_VALUE) },
          { key: "settled", head: "Settled", cell: (c) => (c.settled_at ? clock(c.settled_at) : NO_VALUE) },
          { key: "took", head: "Took", num: true, cell: (c) => (c.sent_at && c.settled_at ? `${number(Date.parse(c.settled_at) - Date.parse(c.sent_at))} ms` : "") },
          { key: "detail", head: "Detail", wrap: true, cell: (c) => [c.protocol_code, c.detail].filter(Boolean).join(" · ") },
          { key: "origin", head: "Because of", cell: (c) => <Cause command={c} found={causes.get(c.origin)} /> },
        ]}
      />
      <More shown={commands.rows.length} hasMore={commands.hasMore} busy={commands.busy} onMore={commands.more} what="commands" />
    </section>
  );
}

/** Health of the wire to this device. */
export function CommsTab({ device }: { device: Device }): ReactNode {
  const links = usePages<DeviceLink>("links", { device: device.mrid }, { refetchMs: 5000 });
  const link = links.rows[0];
  if (links.error) return <ErrorBox what="Loading the link" error={links.error} retry={links.refetch} />;
  return (
    <section className="panel">
      <dl className="facts">
        <dt>Protocol</dt>
        <dd>{device.protocol || "none"}</dd>
        <dt>Address</dt>
        <dd className="mono">{device.address || NO_VALUE}</dd>
        <dt>Read every</dt>
        <dd>{device.poll_interval_s} s</dd>
        <dt>Last contact</dt>
        <dd>
          <Age at={device.status?.last_contact_at} after=" ago" />
        </dd>
        {link && <LinkFacts link={link} />}
      </dl>
    </section>
  );
}

function LinkFacts({ link }: { link: DeviceLink }): ReactNode {
  return (
    <>
      <dt>Link</dt>
      <dd>
        {linkText(link.state)} {link.changed_at && <span className="dim">since {dateTime(link.changed_at)}</span>}
      </dd>
      <dt>Last good answer</dt>
      <dd>
        <Age at={link.last_ok_at} after=" ago" />
      </dd>
      <dt>Round trip</dt>
      <dd>{link.round_trip_ms === null ? NO_VALUE : `${number(link.round_trip_ms)} ms`}</dd>
      <dt>Failures in a row</dt>
      <dd>{count(link.consecutive_failures)}</dd>
      <dt>Last failure</dt>
      <dd>{link.last_failure_at ? `${dateTime(link.last_failure_at)}: ${link.last_error}` : "none"}</dd>
    </>
  );
}
