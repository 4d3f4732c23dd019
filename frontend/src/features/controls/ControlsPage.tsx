import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { usePages } from "@/api/pages";
import type { Control } from "@/api/types";
import { Segments } from "@/components/controls";
import { DataTable, More, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { useNow } from "@/live/clock";
import { mergeRows, useTopic } from "@/live/topics";
import { shortTime } from "@/lib/time";
import { Decisions } from "./Decisions";
import type { ControlView } from "./search";
import { isLoud, isOver, progressText, sizeText, stateText, titleOf } from "./words";

const controlRows = mergeRows<Control>("mrid");

const VIEWS: { value: ControlView; text: string }[] = [
  { value: "awaiting", text: "Awaiting release" },
  { value: "open", text: "Open" },
  { value: "all", text: "All" },
];
const EMPTY: Record<ControlView, string> = {
  awaiting: "No control waits for a second person.",
  open: "No control is waiting, scheduled or being carried out.",
  all: "Nothing was connected or disconnected yet.",
};

const fits = (control: Control, view: ControlView): boolean =>
  view === "all" || (view === "open" ? !isOver(control) : control.state === "awaiting_release");

function columnsAt(now: number): Column<Control>[] {
  return [
    { key: "what", head: "Control", cell: (c) => <Link to="/controls/$mrid" params={{ mrid: c.mrid }}>{titleOf(c)}</Link>, sort: titleOf },
    { key: "size", head: "Size", num: true, cell: sizeText, sort: (c) => c.rated_w },
    { key: "start", head: "Starts", cell: (c) => shortTime(c.start_at, now), sort: (c) => c.start_at },
    { key: "state", head: "State", cell: (c) => <span className={isLoud(c) ? "strong nowrap" : "nowrap"}>{stateText(c)}</span>, sort: stateText },
    { key: "progress", head: "Devices", cell: progressText },
    { key: "by", head: "Requested by", cell: (c) => `${c.requested_by} (${c.source})`, sort: (c) => c.requested_by },
    { key: "reason", head: "Reason", cell: (c) => c.reason, wrap: true },
    { key: "decide", head: "Decide", cell: (c) => <Decisions control={c} /> },
  ];
}

export function ControlsPage(): ReactNode {
  const { view = "open" }: { view?: ControlView } = useSearch({ from: "/controls" });
  const navigate = useNavigate();
  const now = useNow();
  const filter = view === "awaiting" ? { state: "awaiting_release" } : { open: view === "open" ? true : undefined };
  const pages = usePages<Control>("controls", filter, { refetchMs: 10_000 });
  const live = useTopic<Control[]>("controls", controlRows).data ?? [];
  const fresh = new Map(live.map((control) => [control.mrid, control]));
  const known = new Set(pages.rows.map((control) => control.mrid));
  const rows = [...live.filter((c) => !known.has(c.mrid) && view !== "all"), ...pages.rows]
    .map((control) => ({ ...control, ...fresh.get(control.mrid) }))
    .filter((control) => fits(control, view));

  return (
    <div className="page">
      <div className="page-head">
        <h1>Connect and disconnect</h1>
        <Segments label="" value={view} onChange={(value) => void navigate({ to: "/controls", search: { view: value }, replace: true, resetScroll: false })} options={VIEWS} />
      </div>
      {pages.isLoading ? (
        <Loading what="controls" rows={10} />
      ) : pages.error ? (
        <ErrorBox what="Loading controls" error={pages.error} retry={pages.refetch} />
      ) : rows.length === 0 ? (
        <Empty why={EMPTY[view]}>A group or device page has the buttons to connect and disconnect.</Empty>
      ) : (
        <section className="panel">
          <DataTable label="Controls" rows={rows} columns={columnsAt(now)} rowKey={(c) => c.mrid} onOpen={(c) => void navigate({ to: "/controls/$mrid", params: { mrid: c.mrid } })} />
          <More shown={rows.length} hasMore={pages.hasMore} busy={pages.busy} onMore={pages.more} what="controls" />
        </section>
      )}
    </div>
  );
}
