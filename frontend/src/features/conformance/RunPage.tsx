import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get } from "@/api/client";
import { useMay } from "@/api/me";
import type { BenchRunDetail, BenchStep, BenchStepMessages } from "@/api/types";
import { CommandButton, Pick } from "@/components/controls";
import { Query } from "@/components/states";
import { number } from "@/lib/quantities";
import { dateTime, span } from "@/lib/time";
import { xmlLines } from "@/lib/xml";
import { AbandonDialog, AcceptDialog } from "./dialogs";
import { actor, certificate, drift, progress, runState, stepState } from "./words";
import "./bench.css";

const FORMS = [
  ["soap", "Messages in SOAP"],
  ["plain", "Messages without SOAP"],
] as const;

function pretty(source: string): string {
  return xmlLines(source)?.map((line) => "  ".repeat(line.depth) + line.text).join("\n") ?? source;
}

function Xml({ label, source, copy = source }: { label: string; source: string; copy?: string }): ReactNode {
  return (
    <div className="stack">
      <div className="row">
        <h3>{label}</h3>
        {source && (
          <button type="button" className="btn quiet push" onClick={() => void navigator.clipboard?.writeText(copy)}>
            Copy
          </button>
        )}
      </div>
      {source ? (
        <pre className="bench-xml mono" tabIndex={0} aria-label={label}>
          {pretty(source)}
        </pre>
      ) : (
        <p className="dim">Nothing was kept.</p>
      )}
    </div>
  );
}

function Received({ run, step }: { run: string; step: BenchStep }): ReactNode {
  const mayReadLog = useMay("cim.read");
  const message = useQuery({
    queryKey: ["conformance", "runs", run, "steps", step.number, step.message],
    queryFn: ({ signal }) => get<BenchStepMessages>(`conformance/runs/${run}/steps/${step.number}`, signal),
  });
  const isOurs = actor(step) === "we → partner";
  return (
    <Query of={message} what="the message" rows={4}>
      {(found) => (
        <>
          <Xml label={isOurs ? "Sent" : "Received"} source={found.request_xml} />
          <Xml label={isOurs ? "Reply received" : "Reply"} source={found.reply_xml} />
          {mayReadLog && (
            <p>
              <Link to="/cim-messages" search={{ open: step.message }}>
                In the message log
              </Link>
            </p>
          )}
        </>
      )}
    </Query>
  );
}

function Messages({ run, step }: { run: string; step: BenchStep }): ReactNode {
  // Made anew with every look; what is being read stays, what is copied is fresh.
  const [sample] = useState(step.sample);
  const isOurs = actor(step) === "we → partner";
  const hasEnded = step.message !== "" && step.finished_at !== null;
  return (
    <div className="grid2">
      <div>
        {sample ? <Xml label={isOurs ? "A reply as expected" : "A message as expected"} source={sample} copy={step.sample} /> : <p className="dim">No message of the partner to copy.</p>}
        {step.address && <p className="dim small mono">POST /{step.address}</p>}
      </div>
      <div>{hasEnded ? <Received run={run} step={step} /> : <p className="dim">Nothing has come yet.</p>}</div>
    </div>
  );
}

function figures(step: BenchStep): string {
  const parts = [step.latency_ms !== null && `${number(step.latency_ms)} ms`, step.drift_s !== null && `clock ${drift(step.drift_s)}`];
  return parts.filter(Boolean).join(" · ");
}

function Step({ run, step }: { run: string; step: BenchStep }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const isNow = step.state === "waiting";
  return (
    <li className={isNow ? "bench-step now" : "bench-step"} aria-current={isNow ? "step" : undefined}>
      <div className="row">
        <span className="dim num">{step.number}</span>
        <strong>{step.title}</strong>
        <span className="dim small">{actor(step)}</span>
        <span className={`push nowrap ${step.state === "failed" ? "danger strong" : ""}`}>{stepState(step)}</span>
      </div>
      <p className={step.state === "pending" ? "dim" : ""}>{step.expected}</p>
      {step.difference && <p className={step.state === "failed" ? "strong" : "dim"}>{step.difference}</p>}
      {step.remark && <p className="dim">Taken, but not by the letter: {step.remark}</p>}
      <div className="row">
        <span className="dim small">{figures(step)}</span>
        {step.state !== "skipped" && (step.sample !== "" || step.message !== "") && (
          <button type="button" className="btn quiet push" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? "Hide messages" : "Show messages"}
          </button>
        )}
      </div>
      {isOpen && <Messages key={step.address} run={run} step={step} />}
    </li>
  );
}

function Facts({ run }: { run: BenchRunDetail }): ReactNode {
  return (
    <section className="panel" aria-label="Run">
      <dl className="facts">
        <dt>Partner</dt>
        <dd>
          {run.client_name}, {run.organisation} ({run.client_stage === "sandbox" ? "SANDBOX" : "live"})
        </dd>
        <dt>Scenario</dt>
        <dd>
          {run.scenario_title} <span className="dim small">version {run.scenario_version}</span>
        </dd>
        <dt>Steps</dt>
        <dd>{progress(run.steps)}</dd>
        <dt>Started</dt>
        <dd>
          {dateTime(run.started_at)} by {run.started_by}; a step waits {span(run.step_timeout_s * 1000)}
        </dd>
        {run.finished_at && (
          <>
            <dt>Finished</dt>
            <dd>{dateTime(run.finished_at)}</dd>
          </>
        )}
        <dt>Clock of the partner</dt>
        <dd>{run.clock_drift_s === null ? "measured by the Timestamps of its messages" : `${drift(run.clock_drift_s)} (median)`}</dd>
        <dt>Client certificate</dt>
        <dd>{certificate(run.certificate_days)}</dd>
        <dt>Certificate of its endpoint</dt>
        <dd>{run.finished_at ? certificate(run.endpoint_certificate_days) : "asked for at the end"}</dd>
        {run.comment && (
          <>
            <dt>Ended because</dt>
            <dd>{run.comment}</dd>
          </>
        )}
        {run.accepted_at && (
          <>
            <dt>Accepted</dt>
            <dd>
              {dateTime(run.accepted_at)} by {run.accepted_by}: {run.acceptance_comment}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

interface BodyProps {
  run: BenchRunDetail;
  isPlain: boolean;
  setPlain: (isPlain: boolean) => void;
}

function Body({ run, isPlain, setPlain }: BodyProps): ReactNode {
  const [open, setOpen] = useState<"accept" | "abandon" | null>(null);
  const close = (): void => setOpen(null);
  return (
    <>
      <div className="page-head">
        <h1>Run of {run.client_id}</h1>
        <span className={run.state === "failed" ? "strong" : ""} role="status">
          {runState(run.state)}
        </span>
        <span className="row push">
          <Pick label="Messages to copy" value={isPlain ? "plain" : "soap"} onChange={(form) => setPlain(form === "plain")} options={FORMS} />
          <a className="btn quiet" href={`/api/v1/conformance/runs/${run.mrid}/report.html`} download>
            Report
          </a>
          <a className="btn quiet" href={`/api/v1/conformance/runs/${run.mrid}/report.json`} download>
            JSON
          </a>
          {run.state === "running" && (
            <CommandButton permission="conformance.run" onClick={() => setOpen("abandon")}>
              Abandon…
            </CommandButton>
          )}
          {run.state === "passed" && !run.accepted_at && (
            <CommandButton kind="primary" permission="conformance.accept" onClick={() => setOpen("accept")}>
              Accept…
            </CommandButton>
          )}
        </span>
      </div>
      <Facts run={run} />
      <section className="panel" aria-label="Steps">
        <ol className="bench-steps">
          {run.steps.map((step) => (
            <Step key={step.number} run={run.mrid} step={step} />
          ))}
        </ol>
      </section>
      {open === "accept" && <AcceptDialog run={run} onClose={close} />}
      {open === "abandon" && <AbandonDialog run={run} onClose={close} />}
    </>
  );
}

/** One run: what is expected beside what came, and the difference in one sentence. */
export function RunPage(): ReactNode {
  const { mrid } = useParams({ from: "/partner-bench/$mrid" });
  const [isPlain, setPlain] = useState(false);
  const run = useQuery({
    queryKey: ["conformance", "runs", mrid, isPlain],
    queryFn: ({ signal }) => get<BenchRunDetail>(`conformance/runs/${mrid}${isPlain ? "?plain=true" : ""}`, signal),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.state === "running" ? 1500 : false),
  });
  return (
    <div className="page">
      <Query of={run} what="the run" rows={12}>
        {(data) => <Body run={data} isPlain={isPlain} setPlain={setPlain} />}
      </Query>
    </div>
  );
}
