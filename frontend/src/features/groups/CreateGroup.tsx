import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { newKey, post } from "@/api/client";
import type { Group } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { DER_FUNCTIONS, functionName } from "@/components/symbols";
import { MemberPicker, NO_RULE } from "./MemberPicker";

const USUAL = ["realPowerDispatch", "reactivePowerDispatch", "maxRealPowerLimiting"];

interface FunctionsProps {
  value: ReadonlySet<string>;
  onChange: (value: ReadonlySet<string>) => void;
}

export function Functions({ value, onChange }: FunctionsProps): ReactNode {
  const toggle = (name: string): void => {
    const next = new Set(value);
    if (!next.delete(name)) next.add(name);
    onChange(next);
  };
  return (
    <fieldset>
      <legend className="label">DER functions the group may be asked for</legend>
      <div style={{ display: "grid", gridTemplateColumns: "1fr 1fr 1fr" }}>
        {DER_FUNCTIONS.map((name) => (
          <label key={name} className="check">
            <input type="checkbox" checked={value.has(name)} onChange={() => toggle(name)} />
            {functionName(name)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function CreateGroup({ onClose }: { onClose: () => void }): ReactNode {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [functions, setFunctions] = useState<ReadonlySet<string>>(new Set(USUAL));
  const [rule, setRule] = useState(NO_RULE);
  const [key] = useState(newKey);
  const create = useMutation({
    mutationFn: (members: string[]) =>
      post<Group>(
        "groups",
        {
          name: name.trim(),
          description,
          functions: Object.fromEntries(DER_FUNCTIONS.map((one) => [one, functions.has(one)])),
          members,
        },
        { idempotencyKey: `${key}-${name.trim()}-${members.length}` },
      ),
    onSuccess: (group) => {
      void queries.invalidateQueries({ queryKey: ["groups"] });
      void navigate({ to: "/groups/$mrid", params: { mrid: group.mrid }, search: { tab: "status" } });
    },
  });
  return (
    <Dialog title="Create group" onClose={onClose} size={760}>
      <div className="grid2">
        <Field label="Name" hint="unique among groups">
          {(ids) => <input {...ids} className="input" data-autofocus value={name} maxLength={200} onChange={(e) => setName(e.target.value)} />}
        </Field>
        <Field label="Description">
          {(ids) => <input {...ids} className="input" value={description} onChange={(e) => setDescription(e.target.value)} />}
        </Field>
      </div>
      <Functions value={functions} onChange={setFunctions} />
      <MemberPicker rule={rule} onRule={setRule}>
        {({ mrids, text }) => (
          <>
            <FormError error={create.error} />
            <div className="row">
              <CommandButton
                kind="primary"
                permission="groups.write"
                blocked={name.trim() === "" ? "Give the group a name" : mrids.length === 0 ? "Choose at least one device" : ""}
                disabled={create.isPending}
                onClick={() => create.mutate(mrids)}
              >
                Create with {text}
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
