import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get, post } from "@/api/client";
import { useMay } from "@/api/me";
import type { Dispatch, DispatchSample } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { dispatchTitle } from "@/components/DispatchTable";
import { Query } from "@/components/states";
import { DispatchState } from "@/components/symbols";
import { useNow } from "@/live/clock";
import { useTopic } from "@/live/topics";
import { baseOf, count, inWords, NO_VALUE, number, quantity, scaleOf } from "@/lib/quantities";
import { targetAt } from "@/lib/schedule";
import { dateTime, span, zoneName } from "@/lib/time";
import "./dispatch.css";
import { MembersTable, Timeline } from "./DispatchParts";
import { scheduleOf, TrackingChart } from "./TrackingChart";

const OPEN = new Set(["active", "scheduled", "ending"]);

function CancelDialog({ dispatch, onClose }: { dispatch: Dispatch; onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const cancel = useMutation({
    mutationFn: () => post<Dispatch>(`dispatches/${dispatch.mrid}/cancel`, { reason }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["dispatches"] });
      onClose();
    },
  });
  return (
    <Dialog title={`Cancel ${dispatchTitle(dispatch)}?`} onClose={onClose}>
      <p>
        {dispatch.state === "active"
          ? `${count(dispatch.members)} devices of ${dispatch.group_name} are released to their own control now. The group delivers ${inWords(dispatch.measured_now, dispatch.parameter)} for this dispatch.`
          : `The dispatch of ${dispatch.group_name} will not start.`}
      </p>
      <Field label="Reason">
        {(ids) => <input {...ids} className="input" data-autofocus value={reason} onChange={(e) => setReason(e.target.value)} />}
      </Field>
      <FormError error={cancel.error} />
      <div className="row">
        <CommandButton kind="dangerous" permission="dispatches.write" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel dispatch
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Keep it running
        </button>
      </div>
    </Dialog>
  );
}

interface FigureProps {
  name: string;
  value: string;
  note: string;
}

function Figure({ name, value, note }: FigureProps): ReactNode {
  return (
    <section className="panel kpi" aria-label={name}>
      <span className="name">{name}</span>
      <span className="big value">{value}</span>
      <span className="note">{note}</span>
    </section>
  );
}

function acceptedNow(d: Dispatch, now: number): number | null {
  if (d.deliverable.length !== d.values.length) return null;
  return targetAt({ ...scheduleOf(d), values: d.deliverable }, now);
}

/** Asked, accepted, commanded and measured are four figures, never one. */
function Figures({ of: d }: { of: Dispatch }): ReactNode {
  const now = useNow();
  const base = baseOf(d.parameter);
  const scale = scaleOf(Math.max(...d.values.map(Math.abs), Math.abs(d.measured_now ?? 0)), base);
  const text = (value: number | null): string => quantity(value, base, { scale });
  const isActive = d.state === "active";
  const target = isActive ? (d.target_now ?? targetAt(scheduleOf(d), now)) : null;
  const error = target !== null && d.measured_now !== null ? d.measured_now - target : null;
  const share = error !== null && target ? `${number((100 * error) / Math.abs(target), 1)} % of the target` : "";
  return (
    <div className="kpis">
      <Figure name="Asked now" value={text(target)} note={target === null ? `first ${inWords(d.values[0], d.parameter)}` : inWords(target, d.parameter)} />
      <Figure name="Accepted" value={text(isActive ? acceptedNow(d, now) : null)} note="deliverable when it was accepted" />
      <Figure name="Commanded" value={text(d.commanded_now)} note={`${count(d.members)} members, revision ${d.revision}`} />
      <Figure name="Measured" value={text(d.measured_now)} note="what the members report" />
      <Figure name="Measured minus asked" value={error === null ? NO_VALUE : quantity(error, base, { scale, signed: true })} note={share} />
      <Figure name="Headroom left" value={text(d.headroom_now)} note={d.first_tracked_at && d.activated_at ? `first tracked after ${span(Date.parse(d.first_tracked_at) - Date.parse(d.activated_at))}` : ""} />
    </div>
  );
}

/** Why it ended or what is wrong; that it runs as asked needs no words. */
function needsWords(d: Dispatch): boolean {
  const runsWell = OPEN.has(d.state) && d.tracking !== "shortfall" && d.tracking !== "overshoot";
  return !runsWell && (d.state_reason !== "" || d.superseded_by !== "");
}

function Head({ of: d }: { of: Dispatch }): ReactNode {
  const now = useNow();
  const [cancelling, setCancelling] = useState(false);
  const mayWrite = useMay("dispatches.write");
  const end = Date.parse(d.end_at);
  return (
    <>
      <div className="page-head">
        <h1>{dispatchTitle(d)}</h1>
        <Link to="/groups/$mrid" params={{ mrid: d.group_mrid }} search={{ tab: "status" }}>
          {d.group_name}
        </Link>
        <span className="tag" data-testid="dispatch-state">
          <DispatchState {...d} />
        </span>
        <span className="dim">
          {d.parameter === "reactivePower" ? "reactive power" : "active power"} · {dateTime(d.start_at)} to {dateTime(d.end_at).slice(11)} {zoneName(end)}
          {d.state === "active" && ` · ${span(end - now)} left`} · priority {d.priority} · by {d.requested_by} ({d.source})
        </span>
        <span className="row push">
          {mayWrite && (
            <Link to="/dispatches/new" search={{ copy: d.mrid }} className="btn">
              Copy
            </Link>
          )}
          {OPEN.has(d.state) && (
            <CommandButton kind="dangerous" permission="dispatches.write" onClick={() => setCancelling(true)}>
              Cancel…
            </CommandButton>
          )}
        </span>
      </div>
      {needsWords(d) && (
        <div className="banner">
          {d.state_reason}
          {d.superseded_by && (
            <Link to="/dispatches/$mrid" params={{ mrid: d.superseded_by }}>
              Replaced by another dispatch
            </Link>
          )}
        </div>
      )}
      {d.comment && <p className="dim">Reason given: {d.comment}</p>}
      {cancelling && <CancelDialog dispatch={d} onClose={() => setCancelling(false)} />}
    </>
  );
}

interface LiveDispatch {
  dispatch: Dispatch;
  samples: DispatchSample[];
}

const MOST_SAMPLES = 4000;
const NO_SAMPLES: DispatchSample[] = [];

/** A delta is the row as it is now and, while active, one sample more. */
function withSample(old: LiveDispatch, delta: unknown): LiveDispatch {
  const { dispatch, sample } = delta as { dispatch: Dispatch; sample?: DispatchSample };
  const last = old.samples.at(-1)?.at ?? "";
  const isNew = sample !== undefined && sample.at > last;
  return { dispatch, samples: isNew ? [...old.samples, sample].slice(-MOST_SAMPLES) : old.samples };
}

function Body({ stored }: { stored: Dispatch }): ReactNode {
  const live = useTopic<LiveDispatch>(`dispatch:${stored.mrid}`, withSample).data;
  const d = live?.dispatch ?? stored;
  return (
    <>
      <Head of={d} />
      <Figures of={d} />
      <div className="split">
        <section className="panel" aria-label="Tracking">
          <h2>Tracking</h2>
          <TrackingChart dispatch={d} samples={live?.samples ?? NO_SAMPLES} />
        </section>
        <section className="panel" aria-label="Timeline">
          <h2>Timeline</h2>
          <Timeline dispatch={d} />
        </section>
      </div>
      <MembersTable dispatch={d} />
    </>
  );
}

export function DispatchPage(): ReactNode {
  const { mrid } = useParams({ from: "/dispatches/$mrid" });
  const dispatch = useQuery({
    queryKey: ["dispatches", mrid],
    queryFn: ({ signal }) => get<Dispatch>(`dispatches/${mrid}`, signal),
    refetchInterval: 10_000,
  });
  return (
    <div className="page">
      <Query of={dispatch} what="the dispatch" rows={14}>
        {(data) => <Body key={mrid} stored={data} />}
      </Query>
    </div>
  );
}
