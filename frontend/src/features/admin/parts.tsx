import type { ReactNode } from "react";
import { Dialog } from "@/components/controls";

export const USER_ROLES = ["viewer", "operator", "approver", "engineer", "customer_service", "cs_supervisor", "auditor", "admin"];
export const CLIENT_ROLES = ["dms", "aggregator"];

interface RolesProps {
  all: readonly string[];
  value: ReadonlySet<string>;
  onChange: (value: ReadonlySet<string>) => void;
}

export function Roles({ all, value, onChange }: RolesProps): ReactNode {
  const toggle = (role: string): void => {
    const next = new Set(value);
    if (!next.delete(role)) next.add(role);
    onChange(next);
  };
  return (
    <fieldset>
      <legend className="label">Roles</legend>
      <div className="row">
        {all.map((role) => (
          <label key={role} className="check">
            <input type="checkbox" checked={value.has(role)} onChange={() => toggle(role)} />
            {role.replace("_", " ")}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** A secret is shown once, here, and nowhere again. */
export function SecretDialog({ what, secret, onClose }: { what: string; secret: string; onClose: () => void }): ReactNode {
  return (
    <Dialog title={what} onClose={onClose}>
      <p>Copy it now: it is stored only as a hash and cannot be shown again.</p>
      <p className="mono strong" data-testid="secret">
        {secret}
      </p>
      <div className="row">
        <button type="button" className="btn primary" onClick={() => void navigator.clipboard?.writeText(secret)}>
          Copy
        </button>
        <button type="button" className="btn" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}

/** 24 characters out of 64: 144 bits, no ambiguity with the clipboard. */
export function newPassword(): string {
  const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_.+=@#%";
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return Array.from(bytes, (byte) => letters[byte % 64]).join("");
}
