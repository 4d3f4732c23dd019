import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { Integration, Partner, Traffic } from "@/api/types";
import { Query } from "@/components/states";
import { failures, milliseconds, rate, Sparkline } from "@/components/traffic";
import { Age } from "@/components/Value";
import { drift } from "@/lib/partners";
import { count, NO_VALUE } from "@/lib/quantities";

interface WayProps {
  of: Traffic;
  client: string;
  direction: "in" | "out";
}

function Way({ of, client, direction }: WayProps): ReactNode {
  return (
    <tr>
      <td>
        <Link to="/cim-messages" search={{ client, direction }}>
          {direction === "in" ? "from it" : "to it"}
        </Link>
      </td>
      <td className="num">{rate(of.per_min)}</td>
      <td>
        <Sparkline of={of.curve} label={`Messages ${direction === "in" ? "from" : "to"} ${client}`} />
      </td>
      <td className="num">{count(of.messages)}</td>
      <td className="num">
        {of.failed > 0 ? (
          <Link to="/cim-messages" search={{ client, direction, result: "NOT_OK" }} className="strong">
            {failures(of)}
          </Link>
        ) : (
          "0"
        )}
      </td>
      <td className="num">{of.median_ms == null ? NO_VALUE : `${milliseconds(of.median_ms)} / ${milliseconds(of.p95_ms)}`}</td>
      <td className="num">
        <Age at={of.last_at} after=" ago" />
      </td>
    </tr>
  );
}

/** Rates, errors and latencies of one partner over the last hours, in both directions. */
export function TrafficPanel({ partner }: { partner: Partner }): ReactNode {
  const found = useQuery({
    queryKey: ["integration"],
    queryFn: ({ signal }) => get<Integration>("integration", signal),
    refetchInterval: 5000,
  });
  return (
    <section className="panel" aria-label="Messages">
      <Query of={found} what="the counters" rows={3}>
        {(i) => {
          const one = i.partners.find(({ client_mrid }) => client_mrid === partner.client_mrid);
          if (!one) return <p className="dim">Its API client does not speak CIM.</p>;
          return (
            <>
              <div className="table-box" tabIndex={0} role="region" aria-label="Messages by direction, scrollable">
                <table className="data" aria-label="Messages by direction">
                  <thead>
                    <tr>
                      <th scope="col">Messages</th>
                      <th scope="col" className="num">Now /min</th>
                      <th scope="col">Last {i.hours} h</th>
                      <th scope="col" className="num">Count</th>
                      <th scope="col" className="num">Not OK</th>
                      <th scope="col" className="num">Median / p95 ms</th>
                      <th scope="col" className="num">Last</th>
                    </tr>
                  </thead>
                  <tbody>
                    <Way of={one.inbound} client={one.client_id} direction="in" />
                    <Way of={one.outbound} client={one.client_id} direction="out" />
                  </tbody>
                </table>
              </div>
              <p className="dim small">Its clock: {one.drift_s == null ? "not known, its messages carry no Timestamp" : drift(one.drift_s)}</p>
            </>
          );
        }}
      </Query>
    </section>
  );
}
