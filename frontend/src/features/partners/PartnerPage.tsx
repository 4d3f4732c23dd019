import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get, post, request } from "@/api/client";
import type { Partner } from "@/api/types";
import { CommandButton, FormError } from "@/components/controls";
import { Query } from "@/components/states";
import { Tabs } from "@/components/Tabs";
import { Age } from "@/components/Value";
import { count } from "@/lib/quantities";
import { dateTime } from "@/lib/time";
import { CertificatesTab } from "./CertificatesTab";
import { DeliveriesTab } from "./DeliveriesTab";
import { EndpointTab } from "./EndpointTab";
import { RunsTab } from "./RunsTab";
import { oldest, PartnerState } from "./state";
import { SubscriptionsTab } from "./SubscriptionsTab";
import { TrafficPanel } from "./TrafficPanel";

function Head({ partner }: { partner: Partner }): ReactNode {
  const queries = useQueryClient();
  const refresh = (): void => void queries.invalidateQueries({ queryKey: ["partners"] });
  const toggle = useMutation({
    mutationFn: () => request(`partners/${partner.mrid}`, { method: "PATCH", ifMatch: `"${partner.revision}"`, body: { enabled: !partner.enabled } }),
    onSuccess: refresh,
  });
  const resend = useMutation({
    mutationFn: () => post(`partners/${partner.mrid}/resend`),
    onSuccess: () => {
      refresh();
      void queries.invalidateQueries({ queryKey: ["deliveries"] });
    },
  });
  return (
    <>
      <div className="page-head">
        <h1>{partner.name}</h1>
        <span className="dim mono">{partner.client_id}</span>
        <PartnerState of={partner} />
        <span className="row push">
          <CommandButton permission="partners.write" blocked={partner.parked > 0 ? "" : "No message is parked"} disabled={resend.isPending} onClick={() => resend.mutate()}>
            Send {count(partner.parked)} parked again
          </CommandButton>
          <CommandButton permission="partners.write" disabled={toggle.isPending} onClick={() => toggle.mutate()}>
            {partner.enabled ? "Switch off" : "Switch on"}
          </CommandButton>
        </span>
      </div>
      <FormError error={toggle.error ?? resend.error} />
    </>
  );
}

function Figures({ partner }: { partner: Partner }): ReactNode {
  return (
    <section className="panel" aria-label="Delivery">
      <dl className="facts">
        <dt>Last delivered</dt>
        <dd>
          <Age at={partner.last_delivered_at} after=" ago" />
        </dd>
        <dt>Waiting</dt>
        <dd>
          {count(partner.waiting)}
          {partner.waiting > 0 && `, the oldest for ${oldest(partner)}`}
        </dd>
        <dt>Parked</dt>
        <dd className={partner.parked > 0 ? "strong" : ""}>{count(partner.parked)}</dd>
        <dt>Failures in a row</dt>
        <dd>
          {count(partner.failures)}
          {partner.not_before && `, next try ${dateTime(partner.not_before)}`}
        </dd>
        <dt>Last failure</dt>
        <dd>{partner.last_failed_at ? `${dateTime(partner.last_failed_at)}: ${partner.last_error}` : "never"}</dd>
      </dl>
    </section>
  );
}

function Body({ partner }: { partner: Partner }): ReactNode {
  const { tab = "endpoint" } = useSearch({ from: "/partners/$mrid" });
  return (
    <>
      <Head partner={partner} />
      <div className="grid2">
        <Figures partner={partner} />
        <TrafficPanel partner={partner} />
      </div>
      <Tabs
        label="Parts of the partner"
        current={tab}
        tabs={[
          ["endpoint", "Endpoint"],
          ["subscriptions", "Subscriptions"],
          ["deliveries", "Deliveries"],
          ["certificates", "Certificates"],
          ["runs", "Test runs"],
        ]}
      />
      {tab === "endpoint" && <EndpointTab key={partner.revision} partner={partner} />}
      {tab === "subscriptions" && <SubscriptionsTab partner={partner} />}
      {tab === "deliveries" && <DeliveriesTab partner={partner} />}
      {tab === "certificates" && <CertificatesTab partner={partner} />}
      {tab === "runs" && <RunsTab partner={partner} />}
    </>
  );
}

export function PartnerPage(): ReactNode {
  const { mrid } = useParams({ from: "/partners/$mrid" });
  const partner = useQuery({
    queryKey: ["partners", mrid],
    queryFn: ({ signal }) => get<Partner>(`partners/${mrid}`, signal),
    refetchInterval: 5000,
  });
  return (
    <div className="page">
      <Query of={partner} what="the partner" rows={12}>
        {(data) => <Body partner={data} />}
      </Query>
    </div>
  );
}
