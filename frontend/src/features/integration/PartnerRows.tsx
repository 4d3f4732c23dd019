import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { IntegrationPartner, Traffic } from "@/api/types";
import { failures, milliseconds, rate, Sparkline } from "@/components/traffic";
import { Age } from "@/components/Value";
import { useNow } from "@/live/clock";
import { certificate, drift } from "@/lib/partners";
import { count, NO_VALUE } from "@/lib/quantities";
import { instant, shortTime, span } from "@/lib/time";

const STAGES: Record<IntegrationPartner["bench"], string> = {
  live: "live",
  sandbox: "sandbox",
  running: "run under way",
  to_accept: "waits for acceptance",
};
const MOST_DRIFT_S = 5;

function Mark({ when, children }: { when: boolean; children: ReactNode }): ReactNode {
  return (
    <span className={when ? "strong" : ""}>
      {when && "! "}
      {children}
    </span>
  );
}

function Name({ of: p }: { of: IntegrationPartner }): ReactNode {
  const name = p.endpoint?.name ?? p.name;
  return (
    <td rowSpan={2}>
      <div className="strong">
        {p.endpoint ? (
          <Link to="/partners/$mrid" params={{ mrid: p.endpoint.mrid }}>
            {name}
          </Link>
        ) : (
          name
        )}
      </div>
      <div>
        <span className="dim mono">{p.client_id}</span>
        {p.last_run ? (
          <Link to="/partner-bench/$mrid" params={{ mrid: p.last_run }}>
            <Mark when={p.bench === "to_accept"}>{STAGES[p.bench]}</Mark>
          </Link>
        ) : (
          <Link to="/partner-bench">{STAGES[p.bench]}</Link>
        )}
        {!p.is_active && <span className="dim">switched off</span>}
      </div>
    </td>
  );
}

interface WayProps {
  of: Traffic;
  client: string;
  direction: "in" | "out";
  from: string;
}

function Way({ of, client, direction, from }: WayProps): ReactNode {
  const name = direction === "in" ? "Messages from" : "Messages to";
  const now = useNow();
  return (
    <>
      <td>{direction}</td>
      <td className="num">{rate(of.per_min)}</td>
      <td>
        <Sparkline of={of.curve} label={`${name} ${client}`} />
      </td>
      <td className="num">
        <Link to="/cim-messages" search={{ client, direction, start_at: from }}>
          {count(of.messages)}
        </Link>
      </td>
      <td className="num">
        {of.failed > 0 ? (
          <Link to="/cim-messages" search={{ client, direction, result: "NOT_OK", start_at: from }} className="strong">
            {failures(of)}
          </Link>
        ) : (
          "0"
        )}
      </td>
      <td className="said" title={of.error}>
        {of.error && (
          <Link to="/cim-messages" search={{ client, direction, open: of.error_mrid }}>
            {shortTime(of.error_at, now)} {of.error.replace(/^FAILED /, "")}
          </Link>
        )}
      </td>
      <td className="num">
        {of.median_ms == null ? NO_VALUE : `${milliseconds(of.median_ms)} / ${milliseconds(of.p95_ms)}`}
      </td>
      <td className="num">
        <Age at={of.last_at} after=" ago" />
      </td>
    </>
  );
}

function Undelivered({ of: p }: { of: IntegrationPartner }): ReactNode {
  const endpoint = p.endpoint;
  if (!endpoint) {
    return (
      <td rowSpan={2}>
        <div className="hint">is told nothing</div>
      </td>
    );
  }
  const { waiting, parked, oldest_waiting_s: oldest, mrid } = endpoint;
  return (
    <td rowSpan={2}>
      <div>
        <Link to="/partners/$mrid" params={{ mrid }} search={{ tab: "deliveries", state: "waiting" }}>
          <Mark when={endpoint.failures > 0}>
            {count(waiting)} waiting{oldest != null && `, oldest ${span(oldest * 1000)}`}
          </Mark>
        </Link>
      </div>
      <div>
        <Link to="/partners/$mrid" params={{ mrid }} search={{ tab: "deliveries", state: "parked" }}>
          <Mark when={parked > 0}>{count(parked)} parked</Mark>
        </Link>
        {!endpoint.enabled && " · off"}
      </div>
    </td>
  );
}

function clockText(seconds: number | null): string {
  if (seconds == null) return "clock not known";
  if (Math.abs(seconds) < 120) return `clock ${drift(seconds)}`;
  return `${span(1000 * Math.abs(seconds))} ${seconds < 0 ? "behind" : "ahead"}`;
}

function Trust({ of: p, warningDays }: { of: IntegrationPartner; warningDays: number }): ReactNode {
  const days = p.certificate_days;
  const isOff = p.drift_s != null && Math.abs(p.drift_s) > MOST_DRIFT_S;
  return (
    <td rowSpan={2}>
      <div>
        <Mark when={isOff}>{clockText(p.drift_s)}</Mark>
      </div>
      <div>
        <Mark when={days != null && days <= warningDays}>{certificate(days)}</Mark>
      </div>
    </td>
  );
}

interface RowsProps {
  of: IntegrationPartner;
  hours: number;
  at: string;
  warningDays: number;
}

/** One partner: a row for what it sends, a row for what it is sent. */
export function PartnerRows({ of: p, hours, at, warningDays }: RowsProps): ReactNode {
  const from = new Date(instant(at) - hours * 3_600_000).toISOString();
  return (
    <tbody className="partner">
      <tr>
        <Name of={p} />
        <Way of={p.inbound} client={p.client_id} direction="in" from={from} />
        <Undelivered of={p} />
        <Trust of={p} warningDays={warningDays} />
      </tr>
      <tr>
        <Way of={p.outbound} client={p.client_id} direction="out" from={from} />
      </tr>
    </tbody>
  );
}
