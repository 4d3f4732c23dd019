import type { ReactNode } from "react";
import { Field, Segments } from "@/components/controls";

export interface CredentialValues {
  auth: "none" | "basic" | "bearer";
  username: string;
  secret: string;
}

export const NO_CREDENTIALS: CredentialValues = { auth: "none", username: "", secret: "" };

interface CredentialsProps {
  value: CredentialValues;
  onChange: (value: CredentialValues) => void;
  /** True when one is stored already: an empty field keeps it. */
  stored?: boolean;
}

/** How we prove to the partner who we are. What is stored is never shown. */
export function Credentials({ value, onChange, stored = false }: CredentialsProps): ReactNode {
  const what = value.auth === "basic" ? "Password" : "Token";
  return (
    <>
      <Segments
        label="We log in there by"
        value={value.auth}
        onChange={(auth) => onChange({ ...value, auth })}
        options={[
          { value: "none", text: "nothing" },
          { value: "basic", text: "user and password" },
          { value: "bearer", text: "token" },
        ]}
      />
      {value.auth === "basic" && (
        <Field label="User">{(ids) => <input {...ids} className="input mono" autoComplete="off" value={value.username} onChange={(e) => onChange({ ...value, username: e.target.value })} />}</Field>
      )}
      {value.auth !== "none" && (
        <Field label={what} hint={stored ? "One is stored; leave this empty to keep it." : "Stored encrypted and never shown again."}>
          {(ids) => <input {...ids} className="input mono" type="password" autoComplete="new-password" value={value.secret} onChange={(e) => onChange({ ...value, secret: e.target.value })} />}
        </Field>
      )}
    </>
  );
}
