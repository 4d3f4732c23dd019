import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { post } from "@/api/client";
import { usePages } from "@/api/pages";
import type { Group, Member } from "@/api/types";
import { CommandButton, Dialog, FormError } from "@/components/controls";
import { DataTable, More, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { kindName } from "@/components/symbols";
import { Age, Value } from "@/components/Value";
import { number, scaleOf } from "@/lib/quantities";
import { MemberPicker, NO_RULE } from "./MemberPicker";

function columnsOf(rows: readonly Member[]): Column<Member>[] {
  const scale = scaleOf(Math.max(...rows.map((m) => m.rated_w ?? 0), 1), "W");
  const unit = `[${scale.unit}]`;
  return [
    { key: "name", head: "Device", cell: (m) => <Link to="/devices/$mrid" params={{ mrid: m.mrid }} search={{ tab: "live" }}>{m.name}</Link>, sort: (m) => m.name },
    { key: "kind", head: "Kind", cell: (m) => kindName(m.kind), sort: (m) => m.kind },
    { key: "feeder", head: "Feeder", cell: (m) => m.feeder ?? "", sort: (m) => m.feeder },
    { key: "rated", head: `Rated ${unit}`, num: true, cell: (m) => <Value of={m.rated_w} base="W" scale={scale} unit={false} />, sort: (m) => m.rated_w },
    { key: "p", head: `P ${unit}`, num: true, cell: (m) => <Value of={m.p_w} base="W" scale={scale} unit={false} stale={m.stale ?? false} quality={m.quality} />, sort: (m) => m.p_w },
    { key: "soc", head: "SoC", num: true, cell: (m) => (m.soc_pct == null ? "" : `${number(m.soc_pct)} %`), sort: (m) => m.soc_pct },
    { key: "age", head: "Age", num: true, cell: (m) => <Age at={m.measured_at} />, sort: (m) => m.measured_at },
  ];
}

function AddMembers({ group, onClose }: { group: Group; onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const [rule, setRule] = useState(NO_RULE);
  const add = useMutation({
    mutationFn: (mrids: string[]) => post(`groups/${group.mrid}/members`, { add: mrids, remove: [] }, { ifMatch: `"${group.revision}"` }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["groups"] });
      void queries.invalidateQueries({ queryKey: [`groups/${group.mrid}/members`] });
      onClose();
    },
  });
  return (
    <Dialog title={`Add members to ${group.name}`} onClose={onClose} size={760}>
      <MemberPicker rule={rule} onRule={setRule}>
        {({ mrids, text }) => (
          <>
            <FormError error={add.error} />
            <div className="row">
              <CommandButton kind="primary" permission="groups.write" blocked={mrids.length === 0 ? "Choose at least one device" : ""} disabled={add.isPending} onClick={() => add.mutate(mrids)}>
                Add {text}
              </CommandButton>
              <button type="button" className="btn" onClick={onClose}>
                Cancel
              </button>
            </div>
          </>
        )}
      </MemberPicker>
    </Dialog>
  );
}

export function MembersTab({ group }: { group: Group }): ReactNode {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const path = `groups/${group.mrid}/members`;
  const members = usePages<Member>(path, { page_size: 200 }, { refetchMs: 5000 });
  const [checked, setChecked] = useState<ReadonlySet<string>>(new Set());
  const [adding, setAdding] = useState(false);
  const remove = useMutation({
    mutationFn: () => post(path, { add: [], remove: [...checked] }, { ifMatch: `"${group.revision}"` }),
    onSuccess: () => {
      setChecked(new Set());
      void queries.invalidateQueries({ queryKey: ["groups"] });
      void queries.invalidateQueries({ queryKey: [path] });
    },
  });
  return (
    <div className="stack">
      <div className="row">
        <CommandButton permission="groups.write" onClick={() => setAdding(true)}>
          Add members
        </CommandButton>
        <CommandButton permission="groups.write" blocked={checked.size === 0 ? "Select members first" : ""} onClick={() => remove.mutate()}>
          Remove {checked.size > 0 ? checked.size : ""} selected
        </CommandButton>
      </div>
      <FormError error={remove.error} />
      {members.isLoading ? (
        <Loading what="members" rows={12} />
      ) : members.error ? (
        <ErrorBox what="Loading members" error={members.error} retry={members.refetch} />
      ) : members.rows.length === 0 ? (
        <Empty why="This group has no members." />
      ) : (
        <section className="panel">
          <DataTable label="Members" rows={members.rows} columns={columnsOf(members.rows)} rowKey={(m) => m.mrid} checked={checked} onCheck={setChecked} onOpen={(m) => void navigate({ to: "/devices/$mrid", params: { mrid: m.mrid }, search: { tab: "live" } })} />
          <More shown={members.rows.length} hasMore={members.hasMore} busy={members.busy} onMore={members.more} what="members" />
        </section>
      )}
      {adding && <AddMembers group={group} onClose={() => setAdding(false)} />}
    </div>
  );
}
