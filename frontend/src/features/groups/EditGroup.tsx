import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { ApiError, request } from "@/api/client";
import type { Group } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { DER_FUNCTIONS } from "@/components/symbols";
import { Functions } from "./CreateGroup";

export function EditGroup({ group, onClose }: { group: Group; onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const [description, setDescription] = useState(group.description);
  const [functions, setFunctions] = useState<ReadonlySet<string>>(new Set(DER_FUNCTIONS.filter((name) => group.functions[name])));
  const save = useMutation({
    mutationFn: () =>
      request<Group>(`groups/${group.mrid}`, {
        method: "PATCH",
        ifMatch: `"${group.revision}"`,
        body: { description, functions: Object.fromEntries(DER_FUNCTIONS.map((name) => [name, functions.has(name)])) },
      }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["groups"] });
      onClose();
    },
  });
  const isStale = save.error instanceof ApiError && save.error.status === 412;
  return (
    <Dialog title={`Edit ${group.name}`} onClose={onClose} size={640}>
      <Field label="Description">
        {(ids) => <textarea {...ids} className="input" rows={3} value={description} onChange={(e) => setDescription(e.target.value)} />}
      </Field>
      <Functions value={functions} onChange={setFunctions} />
      <FormError error={save.error} />
      {isStale && (
        <p>
          Somebody changed the group while you edited. Nothing was overwritten.{" "}
          <button type="button" className="btn" onClick={() => { void queries.invalidateQueries({ queryKey: ["groups"] }); onClose(); }}>
            Show the present group
          </button>
        </p>
      )}
      <div className="row">
        <CommandButton kind="primary" permission="groups.write" disabled={save.isPending} onClick={() => save.mutate()}>
          Save
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

export function DeleteGroup({ group, onClose }: { group: Group; onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const remove = useMutation({
    mutationFn: () => request(`groups/${group.mrid}`, { method: "DELETE", ifMatch: `"${group.revision}"` }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["groups"] });
      void navigate({ to: "/groups", search: {} });
    },
  });
  return (
    <Dialog title={`Delete ${group.name}`} onClose={onClose}>
      <p>
        The group of {group.member_count} devices is dissolved. Its devices stay, and its history stays readable in the
        audit log.
      </p>
      <Field label="Type the name of the group to confirm">
        {(ids) => <input {...ids} className="input" data-autofocus autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} />}
      </Field>
      <FormError error={remove.error} />
      <div className="row">
        <CommandButton kind="dangerous" permission="groups.write" blocked={typed === group.name ? "" : "Type the name first"} onClick={() => remove.mutate()}>
          Delete group
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}
