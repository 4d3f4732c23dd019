import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { post, request } from "@/api/client";
import type { Partner, Subscription } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { bodyOf, draftOf, hasPeriod, NEW_DRAFT, NOUNS, onlyByPeriod, type Draft } from "./draft";


interface FormProps {
  partner: Partner;
  /** The subscription to change; null makes a new one. */
  of: Subscription | null;
  onClose: () => void;
  onDone: () => void;
}

/** Which changes of a status are told. */
function Conditions({ draft, set }: { draft: Draft; set: (more: Partial<Draft>) => void }): ReactNode {
  return (
    <>
      <div className="row">
        <Field label="Power moves by [kW]" hint="Empty: does not count.">
          {(ids) => <input {...ids} className="input" inputMode="decimal" value={draft.kilowatts} onChange={(e) => set({ kilowatts: e.target.value })} />}
        </Field>
        <Field label="or by [% of installed]" hint="Empty: does not count.">
          {(ids) => <input {...ids} className="input" inputMode="decimal" value={draft.percent} onChange={(e) => set({ percent: e.target.value })} />}
        </Field>
      </div>
      <label className="check">
        <input type="checkbox" checked={draft.onState} onChange={(e) => set({ onState: e.target.checked })} />
        The state or the number of good members changes
      </label>
      <Field label="Not sooner after the last message than [s]">
        {(ids) => <input {...ids} className="input" inputMode="decimal" value={draft.pause} onChange={(e) => set({ pause: e.target.value })} />}
      </Field>
    </>
  );
}

export function SubscriptionForm({ partner, of, onClose, onDone }: FormProps): ReactNode {
  const [draft, setDraft] = useState<Draft>(of ? draftOf(of) : NEW_DRAFT);
  const set = (more: Partial<Draft>): void => setDraft({ ...draft, ...more });
  const { noun } = draft;
  const save = useMutation({
    mutationFn: async () => {
      const body = bodyOf(draft);
      if (of) await request(`subscriptions/${of.mrid}`, { method: "PATCH", ifMatch: `"${of.revision}"`, body });
      else await post(`partners/${partner.mrid}/subscriptions`, { noun, ...body });
    },
    onSuccess: onDone,
  });
  return (
    <Dialog title={of ? `Subscription to ${of.noun}` : "New subscription"} onClose={onClose} size={640}>
      {!of && (
        <Field label="Noun">
          {(ids) => (
            <select {...ids} className="input" data-autofocus value={noun} onChange={(e) => set({ noun: e.target.value })}>
              {NOUNS.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Field label="Groups" hint="mRIDs, one a line; empty for all the partner may see.">
        {(ids) => <textarea {...ids} className="input mono" rows={3} value={draft.groups} onChange={(e) => set({ groups: e.target.value })} />}
      </Field>
      {noun === "DERGroupStatuses" && <Conditions draft={draft} set={set} />}
      {hasPeriod(noun) && (
        <Field label="Every [s]" hint={onlyByPeriod(noun) ? "Told by period." : "Changed or not; empty for changes alone."}>
          {(ids) => <input {...ids} className="input" inputMode="decimal" value={draft.period} onChange={(e) => set({ period: e.target.value })} />}
        </Field>
      )}
      <label className="check">
        <input type="checkbox" checked={draft.active} onChange={(e) => set({ active: e.target.checked })} />
        Active
      </label>
      <FormError error={save.error} />
      <div className="row">
        <CommandButton kind="primary" permission="partners.write" disabled={save.isPending} onClick={() => save.mutate()}>
          Save
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
