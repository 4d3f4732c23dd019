import { useState, type ReactNode } from "react";
import type { Grant } from "@/api/types";
import { CommandButton } from "@/components/controls";
import { GroupPicker } from "./GroupPicker";
import { NOUNS, problemOf, verbsOf, withNouns } from "./grants";

interface ChecksProps {
  legend: string;
  hint: string;
  all: readonly string[];
  value: readonly string[];
  onChange: (value: string[]) => void;
}

function Checks({ legend, hint, all, value, onChange }: ChecksProps): ReactNode {
  return (
    <fieldset className="stack">
      <legend className="label">
        {legend} <span className="hint small">{hint}</span>
      </legend>
      <div className="trust-grid">
        {all.map((one) => (
          <label key={one} className="check">
            <input type="checkbox" checked={value.includes(one)} onChange={(e) => onChange(e.target.checked ? [...value, one] : value.filter((old) => old !== one))} />
            {one}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** One grant: which verbs of which nouns on which groups. */
export function GrantForm({ of, onDone, onBack }: { of: Grant; onDone: (grant: Grant) => void; onBack: () => void }): ReactNode {
  const [grant, setGrant] = useState(of);
  return (
    <>
      <Checks legend="Nouns" hint="none checked: all" all={Object.keys(NOUNS)} value={grant.nouns} onChange={(nouns) => setGrant(withNouns(grant, nouns))} />
      <Checks legend="Verbs" hint="none checked: all" all={verbsOf(grant.nouns)} value={grant.verbs} onChange={(verbs) => setGrant({ ...grant, verbs })} />
      <GroupPicker value={grant.groups} onChange={(groups) => setGrant({ ...grant, groups })} />
      <p className="small dim">Who may change the definition of a group decides which devices are its members.</p>
      <div className="row">
        <CommandButton kind="primary" permission="accounts.write" blocked={problemOf(grant)} onClick={() => onDone(grant)}>
          Continue
        </CommandButton>
        <button type="button" className="btn" onClick={onBack}>
          Back
        </button>
      </div>
    </>
  );
}
