import { Link } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";
import type { Preview, ShareRow } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { kindName } from "@/components/symbols";
import { TimeChart, type Line } from "@/components/TimeChart";
import { Age } from "@/components/Value";
import { count, number, quantity, scaleOf, type Base } from "@/lib/quantities";
import { line, type Schedule } from "@/lib/schedule";

/** Requested against what the group can deliver. */
export function PreviewChart({ preview, schedule, base }: { preview: Preview | undefined; schedule: Schedule | null; base: Base }): ReactNode {
  const lines = useMemo<Line[]>(() => {
    if (!schedule) return [];
    const drawn: Line[] = [];
    const add = (label: string, values: readonly number[], more: Partial<Line>): void => {
      const [xs, ys] = line({ ...schedule, values });
      drawn.push({ label, xs, ys, ink: "fc", ...more });
    };
    if (preview && preview.intervals.length === schedule.values.length) {
      add("highest deliverable", preview.intervals.map((i) => i.deliverable_max), { width: 1, bandTo: 1 });
      add("lowest deliverable", preview.intervals.map((i) => i.deliverable_min), { width: 1 });
      add("will deliver", preview.intervals.map((i) => i.deliverable), { ink: "proc", width: 3, dash: [6, 4] });
    }
    add("requested", schedule.values, { ink: "accent", width: 2.5 });
    return drawn;
  }, [preview, schedule]);
  if (!schedule) return <p className="dim">The chart appears when every row has a number.</p>;
  return <TimeChart label="Requested power and what the group can deliver" lines={lines} base={base} height={230} />;
}

const VERDICTS = {
  accepted: ["\u2713", "Will be accepted and fully delivered"],
  partial: ["!", "Only partly deliverable"],
  refused: ["\u2715", "Will be refused"],
} as const;

function columnsOf(rows: readonly ShareRow[], base: Base): Column<ShareRow>[] {
  const scale = scaleOf(Math.max(...rows.map((row) => Math.max(Math.abs(row.share_w), Math.abs(row.max_w ?? 0))), 1), base);
  const cell = (key: "now_w" | "share_w" | "headroom_w" | "min_w" | "max_w") => ({
    key,
    num: true,
    cell: (row: ShareRow) => quantity(row[key], base, { scale, unit: false }),
    sort: (row: ShareRow) => row[key],
  });
  return [
    { key: "name", head: "Member", cell: (row) => <Link to="/devices/$mrid" params={{ mrid: row.device }} search={{ tab: "live" }}>{row.name}</Link>, sort: (row) => row.name },
    { key: "kind", head: "Kind", cell: (row) => kindName(row.kind), sort: (row) => row.kind },
    { key: "feeder", head: "Feeder", cell: (row) => row.feeder, sort: (row) => row.feeder },
    { ...cell("now_w"), head: `Now [${scale.unit}]` },
    { ...cell("share_w"), head: "Share" },
    { ...cell("min_w"), head: "Lowest" },
    { ...cell("max_w"), head: "Highest" },
    { ...cell("headroom_w"), head: "Headroom" },
    { key: "soc", head: "SoC", num: true, cell: (row) => (row.soc_pct == null ? "" : `${number(row.soc_pct)} %`), sort: (row) => row.soc_pct },
    { key: "note", head: "Note", cell: (row) => row.note, sort: (row) => row.note },
  ];
}

/** What the check found: verdict, reasons, overlaps and each member's share. */
export function PreviewPanel({ preview, base }: { preview: Preview; base: Base }): ReactNode {
  const [symbol, text] = VERDICTS[preview.verdict];
  const { members } = preview;
  return (
    <div className="stack">
      <div className={`verdict ${preview.verdict}`} role="status">
        <strong aria-hidden="true">{symbol}</strong>
        <strong>{text}</strong>
        <span className="dim">
          {count(members.available)} of {count(members.total)} members available
          {members.excluded > 0 && `, ${count(members.excluded)} excluded`}
          {members.stale > 0 && `, ${count(members.stale)} late`}
        </span>
        <span className="dim small push">
          checked <Age at={preview.at} after=" ago" />
        </span>
      </div>
      {preview.reasons.length > 0 && (
        <ul className="reasons">
          {preview.reasons.map((reason) => (
            <li key={reason.code + reason.message}>{reason.message}</li>
          ))}
        </ul>
      )}
      <p className={preview.overlaps.length === 0 ? "dim" : ""}>
        {preview.overlaps.length === 0
          ? "It overlaps with no other dispatch."
          : preview.overlaps.map((other) => (
              <span key={other.mrid}>
                {other.outcome === "supersedes" ? "Replaces " : "! Loses against "}
                <Link to="/dispatches/$mrid" params={{ mrid: other.mrid }}>
                  {other.name || other.mrid.slice(0, 8)}
                </Link>{" "}
                (priority {other.priority}).{" "}
              </span>
            ))}
      </p>
      {preview.disaggregation.length > 0 && (
        <>
          <h2>Shares of the members{preview.disaggregation.length < members.total && `, the ${count(preview.disaggregation.length)} largest of ${count(members.total)}`}</h2>
          <div className="shares">
            <DataTable label="Shares of the members" rows={preview.disaggregation} columns={columnsOf(preview.disaggregation, base)} rowKey={(row) => row.device} dimmed={(row) => row.share_w === 0 && row.note !== ""} />
          </div>
        </>
      )}
    </div>
  );
}
