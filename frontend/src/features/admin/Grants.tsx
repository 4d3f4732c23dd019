import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { request } from "@/api/client";
import type { ApiClient, Grant } from "@/api/types";
import { CommandButton, FormError } from "@/components/controls";
import { DataTable } from "@/components/DataTable";
import { Empty, Query } from "@/components/states";
import { GrantForm } from "./GrantForm";
import { GroupNames } from "./GroupPicker";
import { NO_GRANT, partText, sentence } from "./grants";

interface Saved {
  grants: Grant[];
  etag: string;
}

function useGrants(client: ApiClient) {
  const path = `api-clients/${client.mrid}/grants`;
  return useQuery({
    queryKey: [path],
    queryFn: async ({ signal }): Promise<Saved> => {
      const { data, etag } = await request<{ grants: Grant[] }>(path, { signal });
      return { grants: data.grants, etag };
    },
    // What an administrator is changing must not be replaced under his hands.
    refetchOnWindowFocus: false,
  });
}

/** Says what will hold, and asks before it does. */
function Confirm({ client, wanted, saved, onDone }: { client: ApiClient; wanted: Grant[]; saved: Saved; onDone: () => void }): ReactNode {
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => request(`api-clients/${client.mrid}/grants`, { method: "PUT", ifMatch: saved.etag, body: { grants: wanted } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: [`api-clients/${client.mrid}/grants`] });
      void queries.invalidateQueries({ queryKey: ["api-clients"] });
      onDone();
    },
  });
  return (
    <div className="stack">
      <p role="status">
        From its next call on {client.client_id}: <strong>{sentence(wanted, client.roles)}</strong>
        {wanted.length === 0 && " Nothing limits it but its roles."}
      </p>
      <FormError error={save.error} />
      <div className="row">
        <CommandButton kind="primary" permission="accounts.write" disabled={save.isPending} onClick={() => save.mutate()}>
          Grant this
        </CommandButton>
        <button type="button" className="btn" onClick={onDone}>
          Back
        </button>
      </div>
    </div>
  );
}

function Editor({ client, saved }: { client: ApiClient; saved: Saved }): ReactNode {
  const [editing, setEditing] = useState<number | null>(null);
  const [wanted, setWanted] = useState<Grant[] | null>(null);
  const { grants } = saved;
  if (wanted) {
    const done = (): void => {
      setWanted(null);
      setEditing(null);
    };
    return <Confirm client={client} wanted={wanted} saved={saved} onDone={done} />;
  }
  if (editing !== null) {
    const put = (grant: Grant): void => setWanted(editing < grants.length ? grants.map((old, k) => (k === editing ? grant : old)) : [...grants, grant]);
    return <GrantForm of={grants[editing] ?? NO_GRANT} onDone={put} onBack={() => setEditing(null)} />;
  }
  return (
    <>
      <p>{sentence(grants, client.roles)}</p>
      {client.stage === "sandbox" && <p className="small dim">In the sandbox its grants rest; they hold once it is live.</p>}
      {grants.length === 0 ? (
        <Empty why="Nothing is granted one by one: it may do whatever its roles allow, on every group they let it see." />
      ) : (
        <DataTable
          label="Grants"
          rows={grants.map((grant, place) => ({ grant, place }))}
          rowKey={({ place }) => String(place)}
          columns={[
            { key: "nouns", head: "Nouns", wrap: true, cell: ({ grant }) => partText(grant.nouns, "all") },
            { key: "verbs", head: "Verbs", wrap: true, cell: ({ grant }) => partText(grant.verbs, "all") },
            { key: "groups", head: "Groups", wrap: true, cell: ({ grant }) => <GroupNames mrids={grant.groups} /> },
            {
              key: "do",
              head: <span className="sr-only">Actions</span>,
              cell: ({ place }) => (
                <span className="row">
                  <CommandButton permission="accounts.write" onClick={() => setEditing(place)}>
                    Change
                  </CommandButton>
                  <CommandButton permission="accounts.write" onClick={() => setWanted(grants.filter((_, k) => k !== place))}>
                    Remove
                  </CommandButton>
                </span>
              ),
            },
          ]}
        />
      )}
      <div className="row">
        <CommandButton permission="accounts.write" blocked={client.retired_at ? "It has retired" : ""} onClick={() => setEditing(grants.length)}>
          Add a grant
        </CommandButton>
      </div>
    </>
  );
}

/** What one API client may do of what its roles allow. */
export function Grants({ client }: { client: ApiClient }): ReactNode {
  const found = useGrants(client);
  return (
    <section className="stack" aria-label="Permissions">
      <p className="small dim">With grants, the client may do only what one of them allows; what it may not get, it is not told either.</p>
      <Query of={found} what="grants">
        {(saved) => <Editor key={saved.etag} client={client} saved={saved} />}
      </Query>
    </section>
  );
}
