import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get } from "@/api/client";
import { usePages } from "@/api/pages";
import type { Dispatch, Group, GroupStatus } from "@/api/types";
import { useMay } from "@/api/me";
import { CommandButton } from "@/components/controls";
import { DispatchTable, dispatchTitle } from "@/components/DispatchTable";
import { More } from "@/components/DataTable";
import { SANDBOX, versionText } from "@/components/groups";
import { ObjectChanges } from "@/components/ObjectChanges";
import { SwitchButtons } from "@/components/SwitchButtons";
import { Empty, ErrorBox, Loading, Query } from "@/components/states";
import { DispatchState } from "@/components/symbols";
import { Tabs } from "@/components/Tabs";
import { mergeRows, useTopic } from "@/live/topics";
import { count } from "@/lib/quantities";
import { DeleteGroup, EditGroup } from "./EditGroup";
import { MembersTab } from "./MembersTab";
import { StatusTab } from "./StatusTab";
import { TrendTab } from "./TrendTab";

const dispatchRows = mergeRows<Dispatch>("mrid");

function DispatchesTab({ mrid }: { mrid: string }): ReactNode {
  const dispatches = usePages<Dispatch>("dispatches", { group: mrid }, { refetchMs: 5000 });
  if (dispatches.isLoading) return <Loading what="dispatches" />;
  if (dispatches.error) return <ErrorBox what="Loading dispatches" error={dispatches.error} retry={dispatches.refetch} />;
  if (dispatches.rows.length === 0) return <Empty why="This group was never dispatched." />;
  return (
    <section className="panel">
      <DispatchTable rows={dispatches.rows} />
      <More shown={dispatches.rows.length} hasMore={dispatches.hasMore} busy={dispatches.busy} onMore={dispatches.more} what="dispatches" />
    </section>
  );
}

function Head({ group, active }: { group: Group; active: Dispatch | undefined }): ReactNode {
  const [open, setOpen] = useState<"edit" | "delete" | null>(null);
  const theirs = group.party !== null;
  const mayDispatch = useMay("dispatches.write") && !(theirs && group.member_count === 0);
  return (
    <div className="page-head">
      <h1>{group.name}</h1>
      {group.owner === SANDBOX && <span className="tag">SANDBOX</span>}
      {group.party !== null && <span className="tag">told by {group.party}</span>}
      <span className="dim">
        {[versionText(group), theirs ? "" : group.owner, theirs && group.member_count === 0 ? "no device of ours" : `${count(group.member_count)} members`].filter(Boolean).join(" · ")}
      </span>
      {active && (
        <Link to="/dispatches/$mrid" params={{ mrid: active.mrid }}>
          {dispatchTitle(active)} <DispatchState {...active} />
        </Link>
      )}
      <span className="row push">
        {mayDispatch && (
          <Link to="/dispatches/new" search={{ group: group.mrid }} className="btn primary">
            New dispatch
          </Link>
        )}
        <SwitchButtons groups={[group.mrid]} name={group.name} blocked={theirs && group.member_count === 0 ? "It has no device of ours" : group.functions.connectDisconnect ? "" : "The group does not have the function connect / disconnect"} />
        <CommandButton permission="groups.write" blocked={theirs ? "Only its party changes it" : ""} onClick={() => setOpen("edit")}>
          Edit
        </CommandButton>
        <CommandButton permission="groups.write" blocked={active ? "A dispatch is active on it" : ""} onClick={() => setOpen("delete")}>
          Delete
        </CommandButton>
      </span>
      {open === "edit" && <EditGroup group={group} onClose={() => setOpen(null)} />}
      {open === "delete" && <DeleteGroup group={group} onClose={() => setOpen(null)} />}
    </div>
  );
}

function Body({ group }: { group: Group }): ReactNode {
  const { tab } = useSearch({ from: "/groups/$mrid" });
  const status = useTopic<GroupStatus>(`group:${group.mrid}`).data ?? group.status;
  const dispatches = useTopic<Dispatch[]>("dispatches", dispatchRows).data ?? [];
  const active = dispatches.find((d) => d.group_mrid === group.mrid && d.state === "active");
  return (
    <>
      <Head group={group} active={active} />
      <Tabs
        label="Parts of the group"
        current={tab}
        tabs={[
          ["status", "Status"],
          ["members", `Members ${count(status?.members ?? group.member_count)}`],
          ["dispatches", "Dispatches"],
          ["trend", "Trend"],
          ["changes", "Changes"],
        ]}
      />
      {tab === "status" && <StatusTab group={group} status={status} active={active} />}
      {tab === "members" && <MembersTab group={group} />}
      {tab === "dispatches" && <DispatchesTab mrid={group.mrid} />}
      {tab === "trend" && <TrendTab group={group} />}
      {tab === "changes" && <ObjectChanges mrid={group.mrid} created={group.created_at} modified={group.modified_at} />}
    </>
  );
}

export function GroupPage(): ReactNode {
  const { mrid } = useParams({ from: "/groups/$mrid" });
  const group = useQuery({
    queryKey: ["groups", mrid],
    queryFn: ({ signal }) => get<Group>(`groups/${mrid}`, signal),
    refetchInterval: 30_000,
  });
  return (
    <div className="page">
      <Query of={group} what="the group" rows={12}>
        {(data) => <Body group={data} />}
      </Query>
    </div>
  );
}
