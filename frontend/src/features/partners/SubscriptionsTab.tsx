import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { get, request } from "@/api/client";
import type { Partner, Subscription } from "@/api/types";
import { CommandButton, Dialog, FormError } from "@/components/controls";
import { DataTable } from "@/components/DataTable";
import { Empty, Query } from "@/components/states";
import { count, quantity } from "@/lib/quantities";
import { SubscriptionForm } from "./SubscriptionForm";

/** When a subscription speaks, in words. */
function when(of: Subscription): string {
  if (of.noun === "DERGroups" || of.noun === "EndDeviceEvents") return of.on_change ? "as it happens" : "never";
  const parts: string[] = [];
  if (of.noun === "DERGroupStatuses" && of.on_change) {
    if (of.change_w != null) parts.push(`power moves by ${quantity(of.change_w, "W")}`);
    if (of.change_pct != null) parts.push(`power moves by ${of.change_pct} % of installed`);
    if (of.on_state) parts.push("state or good members change");
  }
  if (of.period_s != null) parts.push(`every ${of.period_s} s`);
  return parts.join(", ") || "never";
}

function End({ of, onClose, onDone }: { of: Subscription; onClose: () => void; onDone: () => void }): ReactNode {
  const end = useMutation({
    mutationFn: () => request(`subscriptions/${of.mrid}`, { method: "DELETE", ifMatch: `"${of.revision}"` }),
    onSuccess: onDone,
  });
  return (
    <Dialog title={`End the subscription to ${of.noun}`} onClose={onClose}>
      <p>The partner is told nothing more about {of.noun}. What waits is still delivered.</p>
      <FormError error={end.error} />
      <div className="row">
        <CommandButton kind="dangerous" permission="partners.write" disabled={end.isPending} onClick={() => end.mutate()}>
          End it
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}

export function SubscriptionsTab({ partner }: { partner: Partner }): ReactNode {
  const queries = useQueryClient();
  const key = ["partners", partner.mrid, "subscriptions"];
  const [edited, setEdited] = useState<Subscription | "new" | null>(null);
  const [ending, setEnding] = useState<Subscription | null>(null);
  const found = useQuery({ queryKey: key, queryFn: ({ signal }) => get<Subscription[]>(`partners/${partner.mrid}/subscriptions`, signal) });
  const done = (): void => {
    void queries.invalidateQueries({ queryKey: key });
    setEdited(null);
    setEnding(null);
  };
  return (
    <section className="panel" aria-label="Subscriptions">
      <div className="row">
        <CommandButton permission="partners.write" onClick={() => setEdited("new")}>
          New subscription
        </CommandButton>
      </div>
      <Query of={found} what="subscriptions">
        {(rows) =>
          rows.length === 0 ? (
            <Empty why="This partner has subscribed to nothing and is told nothing." />
          ) : (
            <DataTable
              label="Subscriptions"
              rows={rows}
              rowKey={(s) => s.mrid}
              dimmed={(s) => !s.active}
              columns={[
                { key: "noun", head: "Noun", cell: (s) => s.noun, sort: (s) => s.noun },
                { key: "groups", head: "Groups", cell: (s) => (s.groups.length === 0 ? "all it may see" : `${count(s.groups.length)} listed`) },
                { key: "when", head: "When", wrap: true, cell: when },
                { key: "pause", head: "Not sooner than", num: true, cell: (s) => (s.noun === "DERGroupStatuses" ? `${s.min_interval_s} s` : "") },
                { key: "active", head: "Active", cell: (s) => (s.active ? "yes" : "no") },
                {
                  key: "do",
                  head: <span className="sr-only">Actions</span>,
                  cell: (s) => (
                    <span className="row">
                      <CommandButton permission="partners.write" onClick={() => setEdited(s)}>
                        Edit
                      </CommandButton>
                      <CommandButton permission="partners.write" onClick={() => setEnding(s)}>
                        End
                      </CommandButton>
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Query>
      {edited && <SubscriptionForm partner={partner} of={edited === "new" ? null : edited} onClose={() => setEdited(null)} onDone={done} />}
      {ending && <End of={ending} onClose={() => setEnding(null)} onDone={done} />}
    </section>
  );
}
