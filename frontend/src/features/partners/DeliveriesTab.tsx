import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { post } from "@/api/client";
import { usePages } from "@/api/pages";
import type { Delivery, Partner } from "@/api/types";
import { CommandButton, Dialog, Field, FormError, Pick } from "@/components/controls";
import { DataTable, More } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { useNow } from "@/live/clock";
import { count } from "@/lib/quantities";
import { shortTime } from "@/lib/time";
import { DELIVERY_STATES, type DeliveryState } from "./search";

function Discard({ of, onClose, onDone }: { of: Delivery; onClose: () => void; onDone: () => void }): ReactNode {
  const [reason, setReason] = useState("");
  const discard = useMutation({ mutationFn: () => post(`deliveries/${of.mrid}/discard`, { reason }), onSuccess: onDone });
  return (
    <Dialog title="Discard a message" onClose={onClose}>
      <p>
        {of.partner_name} will never be told of this {of.noun} {of.verb}.
      </p>
      <Field label="Reason">{(ids) => <input {...ids} className="input" data-autofocus value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
      <FormError error={discard.error} />
      <div className="row">
        <CommandButton kind="dangerous" permission="partners.write" blocked={reason.trim() ? "" : "Say why"} disabled={discard.isPending} onClick={() => discard.mutate()}>
          Discard
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}

function groupsText(of: Delivery): string {
  if (of.address) return of.address;
  if (of.groups.length === 0) return "";
  return of.groups.length === 1 ? (of.groups[0] ?? "") : `${count(of.groups.length)} groups`;
}

function Actions({ of, onDone, onDiscard }: { of: Delivery; onDone: () => void; onDiscard: () => void }): ReactNode {
  const resend = useMutation({ mutationFn: () => post(`deliveries/${of.mrid}/resend`), onSuccess: onDone });
  const isOpen = of.state === "waiting" || of.state === "parked";
  return (
    <span className="row">
      {of.last_tried_at && (
        <Link to="/cim-messages" search={{ open: of.mrid }} className="btn quiet">
          messages
        </Link>
      )}
      {isOpen && (
        <>
          <CommandButton permission="partners.write" disabled={resend.isPending} onClick={() => resend.mutate()}>
            Send again
          </CommandButton>
          <CommandButton permission="partners.write" onClick={onDiscard}>
            Discard
          </CommandButton>
        </>
      )}
    </span>
  );
}

/** Every message to one partner, newest first, and what became of it. */
export function DeliveriesTab({ partner }: { partner: Partner }): ReactNode {
  const { state } = useSearch({ from: "/partners/$mrid" });
  const navigate = useNavigate({ from: "/partners/$mrid" });
  const queries = useQueryClient();
  const [discarding, setDiscarding] = useState<Delivery | null>(null);
  const found = usePages<Delivery>("deliveries", { partner: partner.mrid, state }, { refetchMs: 5000 });
  const now = useNow();
  const done = (): void => {
    setDiscarding(null);
    found.refetch();
    void queries.invalidateQueries({ queryKey: ["partners"] });
  };
  const filter = (
    <div className="row">
      <Pick label="State" value={state ?? ""} all="every state" options={DELIVERY_STATES.map((one) => [one, one] as const)} onChange={(one) => void navigate({ search: { tab: "deliveries", state: (one || undefined) as DeliveryState | undefined }, replace: true, resetScroll: false })} />
    </div>
  );
  if (found.isLoading) return <Loading what="deliveries" />;
  if (found.error) return <ErrorBox what="Loading deliveries" error={found.error} retry={found.refetch} />;
  return (
    <section className="panel" aria-label="Deliveries">
      {filter}
      {found.rows.length === 0 ? (
        <Empty why={state ? `No message is ${state}.` : "Nothing was sent to this partner yet."} />
      ) : (
        <>
          <DataTable
            label="Deliveries"
            rows={found.rows}
            rowKey={(d) => d.mrid}
            columns={[
              { key: "at", head: "Written", cell: (d) => <span className="nowrap">{shortTime(d.created_at, now)}</span>, sort: (d) => d.created_at },
              { key: "noun", head: "Noun", cell: (d) => d.noun, sort: (d) => d.noun },
              { key: "verb", head: "Verb", cell: (d) => d.verb, sort: (d) => d.verb },
              { key: "groups", head: "About", wrap: true, cell: (d) => <span className="mono">{groupsText(d)}</span> },
              { key: "state", head: "State", cell: (d) => <span className={d.state === "parked" ? "strong" : ""}>{d.state}</span>, sort: (d) => d.state },
              { key: "tries", head: "Tries", num: true, cell: (d) => count(d.attempts), sort: (d) => d.attempts },
              { key: "reply", head: "Reply", cell: (d) => <span className="nowrap">{`${d.result} ${d.code}`.trim()}</span> },
              { key: "error", head: "What went wrong", wrap: true, cell: (d) => d.last_error },
              { key: "do", head: <span className="sr-only">Actions</span>, cell: (d) => <Actions of={d} onDone={done} onDiscard={() => setDiscarding(d)} /> },
            ]}
          />
          <More shown={found.rows.length} hasMore={found.hasMore} busy={found.busy} onMore={found.more} what="messages" />
        </>
      )}
      {discarding && <Discard of={discarding} onClose={() => setDiscarding(null)} onDone={done} />}
    </section>
  );
}
