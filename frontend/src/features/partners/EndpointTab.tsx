import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { post, request } from "@/api/client";
import type { Partner, Trial } from "@/api/types";
import { CommandButton, Field, FormError, Pick } from "@/components/controls";
import { number } from "@/lib/quantities";
import { Credentials, type CredentialValues } from "./Credentials";

const SERVICES = ["ReceiveDERGroups", "ReceiveDERGroupsOperationSet", "ReceiveDERGroupStatuses", "ReceiveDERGroupForecasts", "ReceiveEndDeviceEvents", "ReceiveMeterReadings"] as const;

function verdict(trial: Trial): string {
  const reply = trial.details || `${trial.result} ${trial.code}`.trim();
  const answer = [trial.http_status && `HTTP ${trial.http_status}`, reply].filter(Boolean).join(", ");
  if (!trial.reached) return `Nobody there takes our messages: ${answer || "no answer"}`;
  return `Somebody answered in ${number(trial.duration_ms ?? 0)} ms (an empty message can only be refused): ${answer}`;
}

function TryAddress({ partner }: { partner: Partner }): ReactNode {
  const [service, setService] = useState<string>(SERVICES[0]);
  const attempt = useMutation({ mutationFn: () => post<Trial>(`partners/${partner.mrid}/trial`, { service }) });
  return (
    <section className="panel" aria-label="Try the address">
      <h2>Try the address</h2>
      <p className="dim">Sends a message without content, as saved, and shows what comes back. It changes nothing there.</p>
      <div className="row">
        <Pick label="Service" value={service} onChange={setService} options={SERVICES.map((name) => [name, name] as const)} />
        <CommandButton permission="partners.write" disabled={attempt.isPending} onClick={() => attempt.mutate()}>
          {attempt.isPending ? "Trying" : "Try"}
        </CommandButton>
      </div>
      <FormError error={attempt.error} />
      {attempt.data && (
        <p role="status" className={attempt.data.reached ? "" : "strong"}>
          {verdict(attempt.data)}
        </p>
      )}
    </section>
  );
}

export function EndpointTab({ partner }: { partner: Partner }): ReactNode {
  const queries = useQueryClient();
  const [name, setName] = useState(partner.name);
  const [url, setUrl] = useState(partner.base_url);
  const [credentials, setCredentials] = useState<CredentialValues>({ auth: partner.auth, username: partner.username, secret: "" });
  const [connect, setConnect] = useState(String(partner.connect_timeout_s));
  const [total, setTotal] = useState(String(partner.timeout_s));
  const [replies, setReplies] = useState(partner.reply_addresses.join("\n"));
  const [own, setOwn] = useState<Record<string, string>>(partner.service_urls);
  const save = useMutation({
    mutationFn: () =>
      request(`partners/${partner.mrid}`, {
        method: "PATCH",
        ifMatch: `"${partner.revision}"`,
        body: {
          name: name.trim(),
          base_url: url.trim(),
          ...credentials,
          connect_timeout_s: Number(connect),
          timeout_s: Number(total),
          reply_addresses: replies.split("\n").map((line) => line.trim()).filter(Boolean),
          service_urls: Object.fromEntries(Object.entries(own).filter(([, address]) => address.trim() !== "")),
        },
      }),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["partners"] }),
  });
  return (
    <div className="grid2">
      <section className="panel stack" aria-label="Endpoint">
        <Field label="Name">{(ids) => <input {...ids} className="input" value={name} onChange={(e) => setName(e.target.value)} />}</Field>
        <Field label="Address" hint="Another host asks for the credentials again.">
          {(ids) => <input {...ids} className="input mono" type="url" value={url} onChange={(e) => setUrl(e.target.value)} />}
        </Field>
        <Credentials value={credentials} onChange={setCredentials} stored={partner.has_secret} />
        <div className="row">
          <Field label="Time to connect [s]">{(ids) => <input {...ids} className="input" inputMode="decimal" value={connect} onChange={(e) => setConnect(e.target.value)} />}</Field>
          <Field label="Time for the whole exchange [s]">{(ids) => <input {...ids} className="input" inputMode="decimal" value={total} onChange={(e) => setTotal(e.target.value)} />}</Field>
        </div>
        <Field label="Reply addresses of asynchronous requests" hint="One a line; a request that names another is refused.">
          {(ids) => <textarea {...ids} className="input mono" rows={3} value={replies} onChange={(e) => setReplies(e.target.value)} />}
        </Field>
        <FormError error={save.error} />
        <div className="row">
          <CommandButton kind="primary" permission="partners.write" disabled={save.isPending} onClick={() => save.mutate()}>
            Save
          </CommandButton>
          {save.isSuccess && <span className="dim">Saved.</span>}
        </div>
      </section>
      <div className="stack">
        <TryAddress partner={partner} />
        <section className="panel stack" aria-label="Services with an address of their own">
          <h2>Services with an address of their own</h2>
          {SERVICES.map((service) => (
            <Field key={service} label={service}>
              {(ids) => <input {...ids} className="input mono" type="url" placeholder="below the address" value={own[service] ?? ""} onChange={(e) => setOwn({ ...own, [service]: e.target.value })} />}
            </Field>
          ))}
        </section>
      </div>
    </div>
  );
}
