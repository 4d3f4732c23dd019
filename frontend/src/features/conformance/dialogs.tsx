import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get, newKey, post, request } from "@/api/client";
import type { BenchPartner, BenchRun, BenchRunDetail, BenchScenario } from "@/api/types";
import { CommandButton, Dialog, Field, FormError, Pick } from "@/components/controls";
import { Query } from "@/components/states";

const ALL = ["conformance"];

export function StartDialog({ partner, onClose }: { partner: BenchPartner; onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [key] = useState(newKey);
  const [scenario, setScenario] = useState("");
  const [minutes, setMinutes] = useState("60");
  const scenarios = useQuery({
    queryKey: [...ALL, "scenarios"],
    queryFn: ({ signal }) => get<BenchScenario[]>("conformance/scenarios", signal),
  });
  const start = useMutation({
    mutationFn: () =>
      request<BenchRunDetail>("conformance/runs", {
        method: "POST",
        idempotencyKey: key,
        body: { client_id: partner.client_id, scenario, step_timeout_s: Number(minutes) * 60 },
      }),
    onSuccess: ({ data: run }) => {
      void queries.invalidateQueries({ queryKey: ALL });
      void navigate({ to: "/partner-bench/$mrid", params: { mrid: run.mrid } });
    },
  });
  return (
    <Dialog title={`Start a run of ${partner.client_id}`} onClose={onClose}>
      <p>Each step says which message is expected. Nothing but the sandbox&rsquo;s simulated devices is touched.</p>
      <Query of={scenarios} what="scenarios" rows={1}>
        {(all) => {
          const own = all.filter((each) => partner.roles.includes(each.role));
          return <Pick label="Scenario" value={scenario || (own[0]?.key ?? "")} onChange={setScenario} options={own.map((s) => [s.key, `${s.title} (${s.steps} steps${s.lets_live ? "" : ", an extra"})`] as const)} />;
        }}
      </Query>
      <Field label="A step waits for [min]">
        {(ids) => <input {...ids} className="input" inputMode="decimal" data-autofocus value={minutes} onChange={(e) => setMinutes(e.target.value)} />}
      </Field>
      <FormError error={start.error} />
      <div className="row">
        <CommandButton kind="primary" permission="conformance.run" blocked={Number(minutes) > 0 ? "" : "Say how long a step waits"} disabled={start.isPending} onClick={() => start.mutate()}>
          Start
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

interface ReasonProps {
  title: string;
  says: string;
  label: string;
  button: string;
  permission: string;
  path: string;
  field: "reason" | "comment";
  isDangerous?: boolean;
  onClose: () => void;
}

/** A decision with the words it rests on. */
function ReasonDialog({ title, says, label, button, permission, path, field, isDangerous = false, onClose }: ReasonProps): ReactNode {
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const decide = useMutation({
    mutationFn: () => post(path, { [field]: text.trim() }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ALL });
      onClose();
    },
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{says}</p>
      <Field label={label}>{(ids) => <input {...ids} className="input" data-autofocus maxLength={500} value={text} onChange={(e) => setText(e.target.value)} />}</Field>
      <FormError error={decide.error} />
      <div className="row">
        <CommandButton kind={isDangerous ? "dangerous" : "primary"} permission={permission} blocked={text.trim() ? "" : `Fill in: ${label.toLowerCase()}`} disabled={decide.isPending} onClick={() => decide.mutate()}>
          {button}
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

export function SendBackDialog({ partner, onClose }: { partner: BenchPartner; onClose: () => void }): ReactNode {
  return (
    <ReasonDialog
      title={`Send ${partner.client_id} back to the sandbox?`}
      says="From its next call on it sees and touches the sandbox alone. It goes live again after a passed run that an engineer accepts."
      label="Reason"
      button="Send back"
      permission="conformance.accept"
      path={`conformance/partners/${partner.mrid}/sandbox`}
      field="reason"
      isDangerous
      onClose={onClose}
    />
  );
}

export function AcceptDialog({ run, onClose }: { run: BenchRun; onClose: () => void }): ReactNode {
  return (
    <ReasonDialog
      title={`Accept the run of ${run.client_id}?`}
      says={`${run.client_name} of ${run.organisation} goes live: from its next call on it sees and commands the live utility as its roles allow.`}
      label="What the acceptance rests on"
      button="Accept, go live"
      permission="conformance.accept"
      path={`conformance/runs/${run.mrid}/accept`}
      field="comment"
      isDangerous
      onClose={onClose}
    />
  );
}

export function AbandonDialog({ run, onClose }: { run: BenchRun; onClose: () => void }): ReactNode {
  return (
    <ReasonDialog
      title="Abandon this run?"
      says="It ends here and cannot be accepted. A new one can be started at once."
      label="Reason"
      button="Abandon"
      permission="conformance.run"
      path={`conformance/runs/${run.mrid}/abandon`}
      field="reason"
      onClose={onClose}
    />
  );
}
