import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { usePages } from "@/api/pages";
import type { Dispatch, Group } from "@/api/types";
import { CommandButton } from "@/components/controls";
import { More } from "@/components/DataTable";
import { GroupTable } from "@/components/GroupTable";
import { useStatuses } from "@/components/groups";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { mergeRows, useTopic } from "@/live/topics";
import { CreateGroup } from "./CreateGroup";

const dispatchRows = mergeRows<Dispatch>("mrid");
const OPEN = new Set(["active", "scheduled", "ending"]);

export function GroupsPage(): ReactNode {
  const { q, create } = useSearch({ from: "/groups" });
  const navigate = useNavigate({ from: "/groups" });
  const groups = usePages<Group>("groups", { q, page_size: 200 });
  const statuses = useStatuses();
  const dispatches = useTopic<Dispatch[]>("dispatches", dispatchRows).data ?? [];
  const show = (search: { q?: string; create?: string }): void => void navigate({ search, replace: true, resetScroll: false });

  return (
    <div className="page">
      <div className="page-head">
        <h1>Groups</h1>
        <input
          className="input"
          type="search"
          data-filter
          aria-label="Filter groups"
          placeholder="name or mRID"
          defaultValue={q ?? ""}
          onChange={(e) => show({ q: e.target.value || undefined })}
        />
        <span className="push">
          <CommandButton kind="primary" permission="groups.write" onClick={() => show({ q, create: "1" })}>
            Create group
          </CommandButton>
        </span>
      </div>
      {groups.isLoading ? (
        <Loading what="groups" rows={12} />
      ) : groups.error ? (
        <ErrorBox what="Loading groups" error={groups.error} retry={groups.refetch} />
      ) : groups.rows.length === 0 ? (
        <Empty why={q ? `No group matches "${q}".` : "There are no groups yet. A DMS creates them by CIM message, or you do it here."}>
          {q && (
            <button type="button" className="btn" onClick={() => show({})}>
              Clear the filter
            </button>
          )}
        </Empty>
      ) : (
        <section className="panel">
          <GroupTable groups={groups.rows} statuses={statuses} dispatches={dispatches.filter(({ state }) => OPEN.has(state))} />
          <More shown={groups.rows.length} hasMore={groups.hasMore} busy={groups.busy} onMore={groups.more} what="groups" />
        </section>
      )}
      {create && <CreateGroup onClose={() => show({ q })} />}
    </div>
  );
}
