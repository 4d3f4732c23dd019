import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { post, request } from "@/api/client";
import { usePages } from "@/api/pages";
import type { ApiClient, Organisation } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { DataTable, More } from "@/components/DataTable";
import { ErrorBox, Loading } from "@/components/states";
import { count } from "@/lib/quantities";
import { dateTime } from "@/lib/time";
import { CLIENT_ROLES, Roles, SecretDialog } from "./parts";
import { RetireDialog } from "./RetireDialog";
import { TrustDialog } from "./TrustDialog";
import "./admin.css";

interface WithSecret {
  secret: string;
}

function NewClient({ onClose }: { onClose: (secret?: string) => void }): ReactNode {
  const queries = useQueryClient();
  const organisations = usePages<Organisation>("organisations");
  const [clientId, setClientId] = useState("");
  const [name, setName] = useState("");
  const [organisation, setOrganisation] = useState("");
  const [roles, setRoles] = useState<ReadonlySet<string>>(new Set(["dms"]));
  const save = useMutation({
    mutationFn: () => post<WithSecret>("api-clients", { client_id: clientId.trim(), name: name.trim(), organisation, roles: [...roles] }),
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["api-clients"] });
      onClose(made.secret);
    },
  });
  const isComplete = clientId.trim() !== "" && name.trim() !== "" && organisation !== "";
  return (
    <Dialog title="New API client" onClose={() => onClose()}>
      <Field label="Client id">{(ids) => <input {...ids} className="input" data-autofocus value={clientId} onChange={(e) => setClientId(e.target.value)} />}</Field>
      <Field label="Name">{(ids) => <input {...ids} className="input" value={name} onChange={(e) => setName(e.target.value)} />}</Field>
      <Field label="Organisation">
        {(ids) => (
          <select {...ids} className="input" value={organisation} onChange={(e) => setOrganisation(e.target.value)}>
            <option value="">choose</option>
            {organisations.rows.map((one) => (
              <option key={one.mrid} value={one.mrid}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Roles all={CLIENT_ROLES} value={roles} onChange={setRoles} />
      <FormError error={save.error} />
      <div className="row">
        <CommandButton kind="primary" permission="accounts.write" blocked={isComplete ? "" : "Fill in every field"} disabled={save.isPending} onClick={() => save.mutate()}>
          Create
        </CommandButton>
        <button type="button" className="btn" onClick={() => onClose()}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

export function ClientsTab(): ReactNode {
  const queries = useQueryClient();
  const [withRetired, setWithRetired] = useState(false);
  const clients = usePages<ApiClient>("api-clients", { retired: withRetired || null });
  const [isNew, setNew] = useState(false);
  const [secret, setSecret] = useState("");
  const [trust, setTrust] = useState("");
  const [retiring, setRetiring] = useState<ApiClient | null>(null);
  const reset = useMutation({
    mutationFn: (client: ApiClient) => post<WithSecret>(`api-clients/${client.mrid}/secret`),
    onSuccess: (made) => setSecret(made.secret),
  });
  const toggle = useMutation({
    mutationFn: (client: ApiClient) => request(`api-clients/${client.mrid}`, { method: "PATCH", body: { is_active: !client.is_active } }),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["api-clients"] }),
  });
  const trusted = clients.rows.find((client) => client.mrid === trust);
  if (clients.isLoading) return <Loading what="API clients" />;
  if (clients.error) return <ErrorBox what="Loading API clients" error={clients.error} retry={clients.refetch} />;
  return (
    <>
      <div className="row">
        <CommandButton permission="accounts.write" onClick={() => setNew(true)}>
          New API client
        </CommandButton>
        <label className="check push">
          <input type="checkbox" checked={withRetired} onChange={(e) => setWithRetired(e.target.checked)} />
          also those that have retired
        </label>
      </div>
      <FormError error={reset.error ?? toggle.error} />
      <DataTable
        label="API clients"
        rows={clients.rows}
        rowKey={(c) => c.mrid}
        dimmed={(c) => !c.is_active}
        columns={[
          { key: "id", head: "Client id", cell: (c) => <span className="mono">{c.client_id}</span>, sort: (c) => c.client_id },
          { key: "name", head: "Name", cell: (c) => c.name, sort: (c) => c.name },
          { key: "organisation", head: "Organisation", cell: (c) => (c.organisation.name) },
          { key: "roles", head: "Roles", cell: (c) => c.roles.join(", ") },
          { key: "active", head: "May connect", cell: (c) => (c.retired_at ? `retired ${dateTime(c.retired_at)}` : c.is_active ? "yes" : "no") },
          { key: "grants", head: "Granted", cell: (c) => (c.grants.length > 0 ? `${count(c.grants.length)} ${c.grants.length === 1 ? "grant" : "grants"}` : "all its roles allow") },
          { key: "demands", head: "Must show", wrap: true, cell: (c) => (c.demands.length > 0 ? c.demands.join(", ").replaceAll("_", " ") : "any proof") },
          { key: "used", head: "Last used", cell: (c) => dateTime(c.last_used_at) },
          {
            key: "do",
            head: <span className="sr-only">Actions</span>,
            cell: (c) => (
              <span className="row">
                <button type="button" className="btn" onClick={() => setTrust(c.mrid)}>
                  Permissions, trust
                </button>
                {!c.retired_at && (
                  <>
                    <CommandButton permission="accounts.write" onClick={() => toggle.mutate(c)}>
                      {c.is_active ? "Lock" : "Unlock"}
                    </CommandButton>
                    <CommandButton permission="accounts.write" onClick={() => reset.mutate(c)}>
                      New secret
                    </CommandButton>
                    <CommandButton permission="accounts.write" onClick={() => setRetiring(c)}>
                      Retire
                    </CommandButton>
                  </>
                )}
              </span>
            ),
          },
        ]}
      />
      <More shown={clients.rows.length} hasMore={clients.hasMore} busy={clients.busy} onMore={clients.more} what="clients" />
      {isNew && (
        <NewClient
          onClose={(made) => {
            setNew(false);
            setSecret(made ?? "");
          }}
        />
      )}
      {trusted && <TrustDialog client={trusted} onClose={() => setTrust("")} />}
      {retiring && <RetireDialog client={retiring} onClose={() => setRetiring(null)} />}
      {secret && <SecretDialog what="Client secret" secret={secret} onClose={() => setSecret("")} />}
    </>
  );
}
