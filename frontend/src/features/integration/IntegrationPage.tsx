import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { Integration } from "@/api/types";
import { Empty, Query } from "@/components/states";
import { dateTime } from "@/lib/time";
import "./integration.css";
import { Links } from "./Links";
import { PartnerRows } from "./PartnerRows";
import { Refusals } from "./Refusals";
import { Workers } from "./Workers";

const REFRESH_MS = 5000;

function Partners({ of: i }: { of: Integration }): ReactNode {
  if (i.partners.length === 0) {
    return (
      <Empty why="No API client speaks CIM yet. An administrator makes one; it starts in the sandbox.">
        <Link to="/admin">Users and clients</Link>
      </Empty>
    );
  }
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label="Partners, scrollable">
      <table className="data" aria-label="Partners">
        <thead>
          <tr>
            <th scope="col">Partner</th>
            <th scope="col">Dir</th>
            <th scope="col" className="num">
              Now /min
            </th>
            <th scope="col">Last {i.hours} h</th>
            <th scope="col" className="num">
              Messages
            </th>
            <th scope="col" className="num">
              Not OK
            </th>
            <th scope="col">Last error</th>
            <th scope="col" className="num">
              ms, median / p95
            </th>
            <th scope="col" className="num">
              Last contact
            </th>
            <th scope="col">Undelivered</th>
            <th scope="col">Clock, certificate</th>
          </tr>
        </thead>
        {i.partners.map((partner) => (
          <PartnerRows key={partner.client_mrid} of={partner} hours={i.hours} at={i.at} warningDays={i.certificate_warning_days} />
        ))}
      </table>
    </div>
  );
}

/** What an integration engineer looks at first: every partner, every wire, what was refused. */
export function IntegrationPage(): ReactNode {
  const found = useQuery({
    queryKey: ["integration"],
    queryFn: ({ signal }) => get<Integration>("integration", signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <div className="page integration">
      <Query of={found} what="integration health" rows={14}>
        {(i) => (
          <>
            <div className="page-head">
              <h1>Integration health</h1>
              <span className="dim">as of {dateTime(i.at)}</span>
              <span className="row push">
                <Link to="/cim-messages">CIM messages</Link>
                <Link to="/partners">Partners</Link>
                <Link to="/partner-bench">Partner bench</Link>
              </span>
            </div>
            <section className="panel" aria-label="Partner systems">
              <Partners of={i} />
            </section>
            <div className="integration-below">
              <Links of={i.links} />
              <Workers />
              <Refusals of={i.refusals} />
            </div>
          </>
        )}
      </Query>
    </div>
  );
}
