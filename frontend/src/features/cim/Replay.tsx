import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { newKey, post } from "@/api/client";
import type { CimMessageDetail, Replay as Replayed } from "@/api/types";
import { CommandButton, Dialog, FormError } from "@/components/controls";
import { span } from "@/lib/time";

interface Props {
  of: CimMessageDetail;
  onDone: (mrid: string) => void;
}

function Ask({ of: m, onDone, onClose }: Props & { onClose: () => void }): ReactNode {
  const [isShifted, setShifted] = useState(true);
  const [key] = useState(newKey);
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: () => post<Replayed>(`cim-messages/${m.mrid}/replay`, { shift_times: isShifted }, { idempotencyKey: key }),
    onSuccess: (made) => {
      queries.setQueryData(["cim-replayed", made.mrid], made);
      void queries.invalidateQueries({ queryKey: ["cim-thread"] });
      onDone(made.mrid);
      onClose();
    },
  });
  return (
    <Dialog title="Replay in the sandbox" onClose={onClose} size={560}>
      <p>
        {m.verb} {m.noun} of {m.client} is carried out once more, by the same engine, in the sandbox utility. Groups become copies there, devices are played by
        simulated ones of the same kind, and the message gets a MessageID of its own. No live group, device or partner is touched.
      </p>
      <label className="check">
        <input type="checkbox" data-autofocus checked={isShifted} onChange={(e) => setShifted(e.target.checked)} />
        Move the times in it by its age, so that what lay ahead lies ahead again
      </label>
      {!isShifted && <p className="dim">Schedules that have passed meanwhile are refused, as they would be if it came in now.</p>}
      <FormError error={replay.error} />
      <div className="row">
        <CommandButton kind="primary" permission="cim.replay" disabled={replay.isPending} onClick={() => replay.mutate()}>
          {replay.isPending ? "Replaying" : "Replay"}
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Cancel
        </button>
        {replay.isPending && (
          <span role="status" className="dim">
            A message with many devices takes some seconds.
          </span>
        )}
      </div>
    </Dialog>
  );
}

function whyNot(m: CimMessageDetail): string {
  if (m.direction === "out") return "Only messages that came in are replayed";
  if (m.replay_of) return "This is a replay: replay the first message";
  return m.noun ? "" : "Nobody could say what this message asks for";
}

/** The button and its dialog. */
export function Replay({ of, onDone }: Props): ReactNode {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <CommandButton permission="cim.replay" blocked={whyNot(of)} onClick={() => setAsking(true)}>
        Replay in the sandbox…
      </CommandButton>
      {isAsking && <Ask of={of} onDone={onDone} onClose={() => setAsking(false)} />}
    </>
  );
}

/** What a replay did besides; known in the browser that asked for it. */
export function ReplayNote({ of }: { of: Replayed }): ReactNode {
  const parts = [
    of.moved_s > 0 ? `Times were moved by ${span(of.moved_s * 1000)}.` : "",
    of.copied.length > 0 ? `Copied into the sandbox for it: ${of.copied.join(", ")}.` : "",
    of.removed.length > 0 ? `Copies of an earlier replay that made way: ${of.removed.join(", ")}.` : "",
  ].filter(Boolean);
  return parts.length > 0 ? (
    <p className="dim" role="status">
      {parts.join(" ")}
    </p>
  ) : null;
}
