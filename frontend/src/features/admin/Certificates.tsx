import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { post } from "@/api/client";
import { usePages } from "@/api/pages";
import type { ApiClient, ClientCertificate } from "@/api/types";
import { CommandButton, Field, FormError } from "@/components/controls";
import { DataTable, More } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { dateTime } from "@/lib/time";

function Register({ path }: { path: string }): ReactNode {
  const queries = useQueryClient();
  const [pem, setPem] = useState("");
  const save = useMutation({
    mutationFn: () => post(path, { pem }),
    onSuccess: () => {
      setPem("");
      void queries.invalidateQueries({ queryKey: [path] });
    },
  });
  return (
    <>
      <Field label="New certificate" hint="PEM, the certificate alone. Those registered before stay until they are revoked.">
        {(ids) => <textarea {...ids} className="input mono" rows={4} spellCheck={false} placeholder="-----BEGIN CERTIFICATE-----" value={pem} onChange={(e) => setPem(e.target.value)} />}
      </Field>
      <FormError error={save.error} />
      <div className="row">
        <CommandButton permission="certificates.write" blocked={pem.trim() ? "" : "Paste a certificate"} disabled={save.isPending} onClick={() => save.mutate()}>
          Register
        </CommandButton>
      </div>
    </>
  );
}

function Revoke({ path, of: certificate, onDone }: { path: string; of: ClientCertificate; onDone: () => void }): ReactNode {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const revoke = useMutation({
    mutationFn: () => post(`${path}/${certificate.sha256}/revoke`, { reason: reason.trim() }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: [path] });
      onDone();
    },
  });
  return (
    <div className="stack">
      <Field label={`Why is ${certificate.sha256.slice(0, 16)} revoked?`} hint="It is refused from the next message on, for good.">
        {(ids) => <input {...ids} className="input" value={reason} onChange={(e) => setReason(e.target.value)} />}
      </Field>
      <FormError error={revoke.error} />
      <div className="row">
        <CommandButton kind="dangerous" permission="certificates.write" blocked={reason.trim() ? "" : "Give a reason"} disabled={revoke.isPending} onClick={() => revoke.mutate()}>
          Revoke
        </CommandButton>
        <button type="button" className="btn" onClick={onDone}>
          Back
        </button>
      </div>
    </div>
  );
}

/** The certificates one API client is known by: several while they are rolled over. */
export function Certificates({ client }: { client: ApiClient }): ReactNode {
  const path = `api-clients/${client.mrid}/certificates`;
  const found = usePages<ClientCertificate>(path);
  const [going, setGoing] = useState<ClientCertificate | null>(null);
  return (
    <fieldset className="stack">
      <legend className="label">Certificates</legend>
      {found.isLoading ? (
        <Loading what="certificates" rows={2} />
      ) : found.error ? (
        <ErrorBox what="Loading certificates" error={found.error} retry={found.refetch} />
      ) : found.rows.length === 0 ? (
        <Empty why="This client is known by no certificate." />
      ) : (
        <DataTable
          label="Certificates"
          rows={found.rows}
          rowKey={(c) => c.sha256}
          dimmed={(c) => c.trouble !== ""}
          columns={[
            { key: "subject", head: "Subject", wrap: true, cell: (c) => c.subject },
            { key: "issuer", head: "Issuer", wrap: true, cell: (c) => c.issuer },
            { key: "sha256", head: "SHA-256", cell: (c) => <span className="mono" title={c.sha256}>{c.sha256.slice(0, 16)}…</span> },
            { key: "key", head: "Key", cell: (c) => c.key },
            { key: "until", head: "Valid until", cell: (c) => dateTime(c.not_after), sort: (c) => c.not_after },
            { key: "state", head: "State", wrap: true, cell: (c) => (c.revoked_at ? `revoked: ${c.revoked_reason}` : c.trouble || "in use") },
            {
              key: "do",
              head: <span className="sr-only">Actions</span>,
              cell: (c) =>
                !c.revoked_at && (
                  <CommandButton permission="certificates.write" onClick={() => setGoing(c)}>
                    Revoke
                  </CommandButton>
                ),
            },
          ]}
        />
      )}
      <More shown={found.rows.length} hasMore={found.hasMore} busy={found.busy} onMore={found.more} what="certificates" />
      {going ? <Revoke path={path} of={going} onDone={() => setGoing(null)} /> : <Register path={path} />}
    </fieldset>
  );
}
