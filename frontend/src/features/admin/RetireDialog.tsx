import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { post } from "@/api/client";
import type { ApiClient } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";

/** The end of an API client: says what goes with it, wants a reason and its id, and has no way back. */
export function RetireDialog({ client, onClose }: { client: ApiClient; onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const retire = useMutation({
    mutationFn: () => post(`api-clients/${client.mrid}/retire`, { reason: reason.trim() }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["api-clients"] });
      onClose();
    },
  });
  const blocked = reason.trim() === "" ? "Give a reason" : typed.trim() === client.client_id ? "" : `Type ${client.client_id}`;
  return (
    <Dialog title={`Retire ${client.client_id} for good`} onClose={onClose}>
      <p>
        It is refused from its next call on. Its secret is thrown away, its certificates are revoked, its partner is switched off, its subscriptions end and what waits for it is discarded. Its messages and audit records stay. <strong>There is no way back</strong>; to stop it for a while, lock it.
      </p>
      <Field label="Why does it retire?">{(ids) => <input {...ids} className="input" data-autofocus maxLength={200} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
      <Field label={`Type ${client.client_id} to go on`}>{(ids) => <input {...ids} className="input mono" autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} />}</Field>
      <FormError error={retire.error} />
      <div className="row">
        <CommandButton kind="dangerous" permission="accounts.write" blocked={blocked} disabled={retire.isPending} onClick={() => retire.mutate()}>
          Retire for good
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}
