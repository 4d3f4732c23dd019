import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { request } from "@/api/client";
import type { ApiClient } from "@/api/types";
import { CommandButton, Dialog, FormError, Segments } from "@/components/controls";
import { Certificates } from "./Certificates";
import { Grants } from "./Grants";

const PROOFS = [
  ["password", "HTTP Basic"],
  ["bearer", "HTTP Bearer"],
  ["username_token", "UsernameToken in the message"],
  ["signature", "X.509 signature over the message"],
  ["certificate", "TLS client certificate"],
  ["timestamp", "Timestamp of now"],
] as const;

function Check({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }): ReactNode {
  return (
    <label className="check">
      <input type="checkbox" checked={on} onChange={(e) => set(e.target.checked)} />
      {label}
    </label>
  );
}

function Policy({ client }: { client: ApiClient }): ReactNode {
  const queries = useQueryClient();
  const [demands, setDemands] = useState<ReadonlySet<string>>(new Set(client.demands));
  const [signs, setSigns] = useState(client.signs_replies);
  const [digest, setDigest] = useState(client.password_digest);
  const save = useMutation({
    mutationFn: () => request(`api-clients/${client.mrid}/policy`, { method: "PUT", body: { demands: [...demands], signs_replies: signs, password_digest: digest } }),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["api-clients"] }),
  });
  const toggle = (proof: string, on: boolean): void => {
    const next = new Set(demands);
    if (on) next.add(proof);
    else next.delete(proof);
    setDemands(next);
  };
  return (
    <fieldset className="stack">
      <legend className="label">Policy</legend>
      <p className="small dim">Every message must show all that is checked. With nothing checked, any one proof of who it is will do.</p>
      <div className="trust-grid">
        {PROOFS.map(([proof, label]) => (
          <Check key={proof} label={label} on={demands.has(proof)} set={(on) => toggle(proof, on)} />
        ))}
      </div>
      <div className="trust-grid">
        <Check label="we sign our replies" on={signs} set={setSigns} />
        <Check label="its UsernameToken may be a digest" on={digest} set={setDigest} />
      </div>
      <FormError error={save.error} />
      <div className="row">
        <CommandButton kind="primary" permission="accounts.write" disabled={save.isPending} onClick={() => save.mutate()}>
          Save the policy
        </CommandButton>
        {save.isSuccess && <span className="small dim">Saved; it holds from the next message on.</span>}
      </div>
    </fieldset>
  );
}

type Part = "permissions" | "policy" | "certificates";

/** What a client may do, what it must show of itself, and the certificates it is known by. */
export function TrustDialog({ client, onClose }: { client: ApiClient; onClose: () => void }): ReactNode {
  const [part, setPart] = useState<Part>("permissions");
  return (
    <Dialog title={`What ${client.client_id} may do, and how it proves who it is`} onClose={onClose} size={860}>
      <Segments
        label="Part"
        value={part}
        onChange={setPart}
        options={[
          { value: "permissions", text: "Permissions" },
          { value: "policy", text: "Policy" },
          { value: "certificates", text: "Certificates" },
        ]}
      />
      {part === "permissions" && <Grants client={client} />}
      {part === "policy" && <Policy client={client} />}
      {part === "certificates" && <Certificates client={client} />}
    </Dialog>
  );
}
