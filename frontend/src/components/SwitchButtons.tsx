import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { newKey, post, request as send } from "@/api/client";
import type { Control, ControlPreview, ControlRequest } from "@/api/types";
import { count, parseNumber, quantity } from "@/lib/quantities";
import { CommandButton, Dialog, Field, FormError } from "./controls";
import { Query } from "./states";

type Action = ControlRequest["action"];
const VERB: Record<Action, string> = { connect: "Connect", disconnect: "Disconnect" };

interface Target {
  /** What the page is about: a whole group or one device. */
  groups?: string[];
  devices?: string[];
  name: string;
}

function Consequences({ preview, action }: { preview: ControlPreview; action: Action }): ReactNode {
  if (preview.refused) return <p className="strong">{preview.refused}</p>;
  const devices = preview.devices === 1 ? "1 device" : `${count(preview.devices)} devices`;
  return (
    <>
      <p>
        <span className="strong">
          {devices} with together {quantity(preview.rated_w, "W")}
        </span>{" "}
        {action === "disconnect" ? "go off the grid and stay out of dispatch until they are connected again." : "may go back on the grid; each keeps its own delay."}
      </p>
      {preview.needs_release && (
        <p className="strong">
          A second person must release this: it is more than {count(preview.limit_devices)} devices or {quantity(preview.limit_w, "W")}.
        </p>
      )}
    </>
  );
}

interface DialogProps extends Target {
  action: Action;
  onClose: () => void;
}

function SwitchDialog({ action, groups = [], devices = [], name, onClose }: DialogProps): ReactNode {
  const navigate = useNavigate();
  const [key] = useState(newKey);
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState("");
  const base: ControlRequest = { action, groups, devices, reason: "" };
  const preview = useQuery({
    queryKey: ["control-preview", base],
    queryFn: ({ signal }) => post<ControlPreview>("controls/preview", base, { signal, background: true }),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
  const duration = minutes.trim() === "" ? null : parseNumber(minutes);
  const isBadDuration = minutes.trim() !== "" && (duration === null || duration <= 0);
  const create = useMutation({
    mutationFn: () =>
      send<Control>("controls", {
        method: "POST",
        body: { ...base, reason, duration_s: duration === null ? null : duration * 60 },
        idempotencyKey: key,
      }),
    onSuccess: ({ data }) => void navigate({ to: "/controls/$mrid", params: { mrid: data.mrid } }),
  });
  const blocked = !preview.data
    ? "Checking what it touches"
    : preview.data.refused || (reason.trim() === "" ? "Give a reason" : isBadDuration ? "The duration is a number of minutes" : "");
  return (
    <Dialog title={`${VERB[action]} ${name}?`} onClose={onClose}>
      <Query of={preview} what="what it touches" rows={2}>
        {(data) => <Consequences preview={data} action={action} />}
      </Query>
      <Field label="Reason">
        {(ids) => <input {...ids} className="input" data-autofocus maxLength={500} value={reason} onChange={(e) => setReason(e.target.value)} />}
      </Field>
      <Field label="For how many minutes" hint="empty: until another control" error={isBadDuration ? "a number of minutes" : undefined}>
        {(ids) => <input {...ids} className="input" inputMode="decimal" value={minutes} onChange={(e) => setMinutes(e.target.value)} />}
      </Field>
      <FormError error={create.error} />
      <div className="row">
        <CommandButton kind="dangerous" permission="controls.write" blocked={blocked} disabled={create.isPending} onClick={() => create.mutate()}>
          {preview.data?.needs_release ? `Ask to ${action}` : VERB[action]}
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

/** Connect and disconnect what a page is about, always after a look at how much it is. */
export function SwitchButtons({ blocked = "", ...target }: Target & { blocked?: string }): ReactNode {
  const [open, setOpen] = useState<Action | null>(null);
  return (
    <>
      {(["connect", "disconnect"] as const).map((action) => (
        <CommandButton key={action} permission="controls.write" blocked={blocked} onClick={() => setOpen(action)}>
          {VERB[action]}…
        </CommandButton>
      ))}
      {open && <SwitchDialog {...target} action={open} onClose={() => setOpen(null)} />}
    </>
  );
}
