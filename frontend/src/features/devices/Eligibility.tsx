import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { request } from "@/api/client";
import type { Device } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";

/** Take a device out of dispatch or put it back, always with a reason. */
export function EligibilityButton({ device }: { device: Device }): ReactNode {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const next = !device.eligible;
  const save = useMutation({
    mutationFn: () => request(`devices/${device.mrid}/eligibility`, { method: "PUT", body: { eligible: next, reason }, ifMatch: `"${device.revision}"` }),
    onSuccess: () => {
      setOpen(false);
      void queries.invalidateQueries({ queryKey: ["devices", device.mrid] });
      void queries.invalidateQueries({ queryKey: ["fleet"] });
    },
  });
  const title = next ? "Allow dispatch" : "Take out of dispatch";
  return (
    <>
      <CommandButton permission="devices.eligibility" blocked={device.lifecycle_state === "registered" ? "" : "The device is not registered"} onClick={() => setOpen(true)}>
        {title}…
      </CommandButton>
      {open && (
        <Dialog title={`${title}: ${device.name}`} onClose={() => setOpen(false)}>
          <p>{next ? "The device can be a member of groups and gets commands again." : "The device gets no commands any more until it is allowed again."}</p>
          <Field label="Reason">
            {(ids) => <input {...ids} className="input" data-autofocus maxLength={200} value={reason} onChange={(e) => setReason(e.target.value)} />}
          </Field>
          <FormError error={save.error} />
          <div className="row">
            <CommandButton kind="primary" permission="devices.eligibility" blocked={reason.trim() === "" ? "Give a reason" : ""} disabled={save.isPending} onClick={() => save.mutate()}>
              {title}
            </CommandButton>
            <button type="button" className="btn" onClick={() => setOpen(false)}>
              Back
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
