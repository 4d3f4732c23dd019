import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { post } from "@/api/client";
import type { Partner } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { Credentials, NO_CREDENTIALS, type CredentialValues } from "./Credentials";

export function NewPartner({ onClose }: { onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [clientId, setClientId] = useState("");
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [credentials, setCredentials] = useState<CredentialValues>(NO_CREDENTIALS);
  const save = useMutation({
    mutationFn: () => post<Partner>("partners", { client_id: clientId.trim(), name: name.trim(), base_url: url.trim(), ...credentials }),
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["partners"] });
      void navigate({ to: "/partners/$mrid", params: { mrid: made.mrid }, search: { tab: "subscriptions" } });
    },
  });
  const isComplete = clientId.trim() !== "" && name.trim() !== "" && url.trim() !== "";
  return (
    <Dialog title="New partner" onClose={onClose} size={640}>
      <Field label="API client" hint="Client id as in Users and clients: the system that is told is one that may call us.">
        {(ids) => <input {...ids} className="input mono" data-autofocus value={clientId} onChange={(e) => setClientId(e.target.value)} />}
      </Field>
      <Field label="Name">{(ids) => <input {...ids} className="input" value={name} onChange={(e) => setName(e.target.value)} />}</Field>
      <Field label="Address" hint="The services are expected below it, such as 61968-5/create/receiveDERGroups.">
        {(ids) => <input {...ids} className="input mono" type="url" placeholder="https://dms.example" value={url} onChange={(e) => setUrl(e.target.value)} />}
      </Field>
      <Credentials value={credentials} onChange={setCredentials} />
      <FormError error={save.error} />
      <div className="row">
        <CommandButton kind="primary" permission="partners.write" blocked={isComplete ? "" : "Fill in client, name and address"} disabled={save.isPending} onClick={() => save.mutate()}>
          Create
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}
