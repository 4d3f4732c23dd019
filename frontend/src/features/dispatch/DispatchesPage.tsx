import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useMay } from "@/api/me";
import { usePages } from "@/api/pages";
import type { Dispatch } from "@/api/types";
import { Segments } from "@/components/controls";
import { More } from "@/components/DataTable";
import { DispatchTable } from "@/components/DispatchTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { mergeRows, useTopic } from "@/live/topics";

const dispatchRows = mergeRows<Dispatch>("mrid");

export function DispatchesPage(): ReactNode {
  const { view = "open", q = "" } = useSearch({ from: "/dispatches" });
  const navigate = useNavigate({ from: "/dispatches" });
  const mayWrite = useMay("dispatches.write");
  const pages = usePages<Dispatch>("dispatches", { open: view === "open" ? true : undefined }, { refetchMs: 10_000 });
  const live = useTopic<Dispatch[]>("dispatches", dispatchRows).data ?? [];
  const fresh = new Map(live.map((dispatch) => [dispatch.mrid, dispatch]));
  const needle = q.toLowerCase();
  const rows = pages.rows
    .map((dispatch) => ({ ...dispatch, ...fresh.get(dispatch.mrid) }))
    .filter((d) => `${d.name} ${d.group_name} ${d.requested_by} ${d.mrid}`.toLowerCase().includes(needle));
  const show = (search: { view?: "open" | "all"; q?: string }): void => void navigate({ search: { view, q: q || undefined, ...search }, replace: true, resetScroll: false });

  return (
    <div className="page">
      <div className="page-head">
        <h1>Dispatches</h1>
        <Segments label="" value={view} onChange={(value) => show({ view: value })} options={[{ value: "open", text: "Active and scheduled" }, { value: "all", text: "All" }]} />
        <input className="input" type="search" data-filter aria-label="Filter dispatches" placeholder="name, group or requester" defaultValue={q} onChange={(e) => show({ q: e.target.value || undefined })} />
        {mayWrite && (
          <Link to="/dispatches/new" search={{}} className="btn primary push">
            New dispatch
          </Link>
        )}
      </div>
      {pages.isLoading ? (
        <Loading what="dispatches" rows={10} />
      ) : pages.error ? (
        <ErrorBox what="Loading dispatches" error={pages.error} retry={pages.refetch} />
      ) : rows.length === 0 ? (
        <Empty why={q ? `The filter hides all ${pages.rows.length} dispatches.` : view === "open" ? "No dispatch is active or scheduled." : "Nothing was dispatched yet."}>
          {view === "open" && (
            <button type="button" className="btn" onClick={() => show({ view: "all", q: undefined })}>
              Show all
            </button>
          )}
        </Empty>
      ) : (
        <section className="panel">
          <DispatchTable rows={rows} />
          <More shown={rows.length} hasMore={pages.hasMore} busy={pages.busy} onMore={pages.more} what="dispatches" />
        </section>
      )}
    </div>
  );
}
