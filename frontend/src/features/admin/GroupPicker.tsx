import { useState, type ReactNode } from "react";
import { useGroups } from "@/components/groups";
import { Query } from "@/components/states";
import { count } from "@/lib/quantities";

const SHOWN = 8;

function useNames(): ReadonlyMap<string, string> {
  return new Map((useGroups().data?.results ?? []).map(({ mrid, name }) => [mrid, name]));
}

/** Groups by name where we know it, else by mRID; none means all. */
export function GroupNames({ mrids }: { mrids: readonly string[] }): ReactNode {
  const names = useNames();
  if (mrids.length === 0) return "all";
  const text = mrids.slice(0, SHOWN).map((mrid) => names.get(mrid) ?? mrid);
  return <span title={mrids.join("\n")}>{text.join(", ") + (mrids.length > SHOWN ? ` and ${count(mrids.length - SHOWN)} more` : "")}</span>;
}

interface Props {
  value: readonly string[];
  onChange: (value: string[]) => void;
}

/** Picks groups by a search of the server; what is picked stays listed while the search changes. */
export function GroupPicker({ value, onChange }: Props): ReactNode {
  const [text, setText] = useState("");
  const found = useGroups(text.trim());
  const names = useNames();
  return (
    <fieldset className="stack">
      <legend className="label">
        Groups <span className="hint small">none picked: all</span>
      </legend>
      {value.length > 0 && (
        <ul className="picked" aria-label="Picked groups">
          {value.map((mrid) => (
            <li key={mrid}>
              <span title={mrid}>{names.get(mrid) ?? mrid}</span>
              <button type="button" className="btn quiet" aria-label={`Remove ${names.get(mrid) ?? mrid}`} onClick={() => onChange(value.filter((old) => old !== mrid))}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <input className="input" aria-label="Name of a group contains" placeholder="name contains, or mRID begins with" value={text} onChange={(e) => setText(e.target.value)} />
      <Query of={found} what="groups">
        {({ results }) =>
          results.length === 0 ? (
            <p className="dim">No group is called so.</p>
          ) : (
            <div className="pick-list">
              {results.map(({ mrid, name, owner }) => (
                <label key={mrid} className="check">
                  <input type="checkbox" checked={value.includes(mrid)} onChange={(e) => onChange(e.target.checked ? [...value, mrid] : value.filter((old) => old !== mrid))} />
                  {name} <span className="dim small">{owner}</span>
                </label>
              ))}
            </div>
          )
        }
      </Query>
    </fieldset>
  );
}
