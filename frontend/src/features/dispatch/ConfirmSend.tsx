import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { newKey, request as send } from "@/api/client";
import type { Dispatch, DispatchRequest, Preview } from "@/api/types";
import { CommandButton, Dialog, FormError } from "@/components/controls";
import { inWords } from "@/lib/quantities";
import { endMs, type Schedule } from "@/lib/schedule";
import { dateTime, span, zoneName } from "@/lib/time";

interface Props {
  request: DispatchRequest;
  schedule: Schedule;
  preview: Preview;
  groupName: string;
  isCurrent: boolean;
  onClose: () => void;
}

function wordsOf(request: DispatchRequest): string {
  const distinct = [...new Set(request.values)];
  const words = distinct.slice(0, 4).map((value) => inWords(value, request.parameter));
  return words.join(", then ") + (distinct.length > 4 ? ", …" : "");
}

/** The last look: everything in words, and nothing is sent but by this button or Ctrl+Enter. */
export function ConfirmSend({ request, schedule, preview, groupName, isCurrent, onClose }: Props): ReactNode {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [key] = useState(newKey);
  const create = useMutation({
    mutationFn: () => send<Dispatch>("dispatches", { method: "POST", body: request, idempotencyKey: key }),
    onSuccess: ({ data, location }) => {
      void queries.invalidateQueries({ queryKey: ["dispatches"] });
      void navigate({ to: "/dispatches/$mrid", params: { mrid: data?.mrid ?? location.split("/").at(-1) ?? "" } });
    },
  });
  const blocked = isCurrent ? "" : "The check is out of date; wait for the new one";
  const { mutate, isPending } = create;

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey && event.key === "Enter" && blocked === "" && !isPending) mutate();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [blocked, isPending, mutate]);

  const end = endMs(schedule);
  return (
    <Dialog title="Send this dispatch?" onClose={onClose} size={560}>
      <dl className="facts">
        <dt>Group</dt>
        <dd className="strong">{groupName}</dd>
        <dt>Asked</dt>
        <dd className="strong">{wordsOf(request)}</dd>
        <dt>From</dt>
        <dd>
          {request.start_at === null ? "now" : dateTime(schedule.startMs)} {zoneName(schedule.startMs)}
        </dd>
        <dt>To</dt>
        <dd>
          {dateTime(end)} ({span(end - schedule.startMs)}), then {request.end_behaviour === "release" ? "release to local control" : "hold the last set point"}
        </dd>
        <dt>Priority</dt>
        <dd>{request.priority}</dd>
        <dt>Members</dt>
        <dd>
          {preview.members.available} of {preview.members.total} available
        </dd>
        {preview.overlaps.length > 0 && (
          <>
            <dt>Overlaps</dt>
            <dd>{preview.overlaps.map((o) => `${o.outcome === "supersedes" ? "replaces" : "loses against"} ${o.name || o.mrid.slice(0, 8)}`).join("; ")}</dd>
          </>
        )}
      </dl>
      {preview.verdict === "partial" && (
        <p className="strong">Only a part can be delivered: {preview.reasons.map((r) => r.message).join(" ")}</p>
      )}
      <FormError error={create.error} />
      <div className="row">
        <CommandButton kind="primary" permission="dispatches.write" blocked={blocked} disabled={isPending} onClick={() => mutate()}>
          Send dispatch
        </CommandButton>
        <button type="button" className="btn" data-autofocus onClick={onClose}>
          Back
        </button>
        <span className="dim small">Ctrl+Enter sends</span>
      </div>
    </Dialog>
  );
}
