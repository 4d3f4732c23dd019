import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { request } from "@/api/client";
import { useMe } from "@/api/me";
import type { Control } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { dateTime } from "@/lib/time";
import { isCancellable, sizeText, titleOf } from "./words";

type Decision = "release" | "reject" | "cancel";

const WORDS: Record<Decision, { button: string; ask: string; says: (control: Control) => string }> = {
  release: {
    button: "Release",
    ask: "Release",
    says: (c) => `${sizeText(c)}. ${c.start_at > c.created_at ? `It starts at ${dateTime(c.start_at)}.` : "It starts at once."} Asked for by ${c.requested_by}.`,
  },
  reject: { button: "Reject", ask: "Reject", says: (c) => `Nothing happens to the ${sizeText(c)}; ${c.requested_by} is told why.` },
  cancel: {
    button: "Cancel control",
    ask: "Cancel",
    says: (c) => (c.phase === 0 ? "It will not start." : "The devices stay as they are and do not go back by themselves."),
  },
};

interface DialogProps {
  control: Control;
  decision: Decision;
  onClose: () => void;
}

function DecisionDialog({ control, decision, onClose }: DialogProps): ReactNode {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const [seen] = useState(control.revision);
  const decide = useMutation({
    // The revision that was read is decided about; a control that has changed since is refused.
    mutationFn: () =>
      request<Control>(`controls/${control.mrid}/${decision}`, {
        method: "POST",
        body: decision === "release" ? {} : { reason },
        ifMatch: decision === "cancel" ? undefined : `"${seen}"`,
      }),
    onSuccess: onClose,
    onSettled: () => void queries.invalidateQueries({ queryKey: ["controls"] }),
  });
  const words = WORDS[decision];
  return (
    <Dialog title={`${words.ask}: ${titleOf(control)}?`} onClose={onClose}>
      <p>{words.says(control)}</p>
      {control.reason && <p className="dim">Reason given: {control.reason}</p>}
      {decision !== "release" && (
        <Field label="Reason">
          {(ids) => <input {...ids} className="input" data-autofocus maxLength={200} value={reason} onChange={(e) => setReason(e.target.value)} />}
        </Field>
      )}
      <FormError error={decide.error} />
      <div className="row">
        <CommandButton
          kind={decision === "reject" ? "" : "dangerous"}
          permission={decision === "cancel" ? "controls.write" : "controls.release"}
          blocked={decision === "reject" && reason.trim() === "" ? "Give a reason" : ""}
          disabled={decide.isPending}
          onClick={() => decide.mutate()}
        >
          {words.button}
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

/** Release, reject and cancel, as far as the control's state has use for them. */
export function Decisions({ control }: { control: Control }): ReactNode {
  const me = useMe();
  const [open, setOpen] = useState<Decision | null>(null);
  const isWaiting = control.state === "awaiting_release";
  const own = control.requested_by_mrid === me.mrid ? "You asked for it; another person decides" : "";
  return (
    <span className="row">
      {isWaiting && (
        <>
          <CommandButton kind="primary" permission="controls.release" blocked={own} onClick={() => setOpen("release")}>
            Release…
          </CommandButton>
          <CommandButton permission="controls.release" blocked={own} onClick={() => setOpen("reject")}>
            Reject…
          </CommandButton>
        </>
      )}
      {isCancellable(control) && (
        <CommandButton permission="controls.write" onClick={() => setOpen("cancel")}>
          Cancel…
        </CommandButton>
      )}
      {open && <DecisionDialog control={control} decision={open} onClose={() => setOpen(null)} />}
    </span>
  );
}
