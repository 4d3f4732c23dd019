import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { CimMessage, CimMessageDetail, Replay as Replayed } from "@/api/types";
import { Query } from "@/components/states";
import { NO_VALUE, number } from "@/lib/quantities";
import { clock, dateTime } from "@/lib/time";
import { Difference } from "./Difference";
import { Replay, ReplayNote } from "./Replay";
import type { CimFilters, CimSelection } from "./search";
import { XmlViewer } from "./XmlViewer";

interface Props {
  mrid: string;
  other: string | undefined;
  onShow: (more: CimFilters & CimSelection) => void;
}

type Show = Props["onShow"];

function Thread({ message, onShow }: { message: CimMessage; onShow: Show }): ReactNode {
  const thread = useQuery({
    queryKey: ["cim-thread", message.mrid],
    queryFn: ({ signal }) => get<CimMessage[]>(`cim-messages/${message.mrid}/thread`, signal),
  });
  const parts = thread.data ?? [];
  if (parts.length < 2) return null;
  return (
    <div className="stack">
      <h2>Conversation of {parts.length}</h2>
      <ol className="timeline">
        {parts.map((one) => (
          <li key={one.mrid} className="row">
            <button type="button" className="btn quiet" aria-pressed={one.mrid === message.mrid} onClick={() => onShow({ open: one.mrid, other: undefined })}>
              {clock(one.received_at)} {one.replay_of ? "replay" : one.direction} {one.verb} {one.noun} {one.result} {one.code}
            </button>
            {one.mrid !== message.mrid && (
              <button type="button" className="btn quiet small" onClick={() => onShow({ other: one.mrid })}>
                compare
              </button>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

function Changed({ of: message }: { of: CimMessageDetail }): ReactNode {
  if (message.changed.length === 0) return <dd className="dim">nothing</dd>;
  return (
    <dd>
      {message.changed.slice(0, 20).map((change, k) => (
        <div key={k}>
          {change.action}{" "}
          {change.object_type === "DERGroup" ? (
            <Link to="/groups/$mrid" params={{ mrid: change.mrid }} className="mono">
              {change.mrid}
            </Link>
          ) : (
            <span className="mono">{change.mrid}</span>
          )}
        </div>
      ))}
      {message.changed.length > 20 && <span className="dim">and {message.changed.length - 20} more</span>}
    </dd>
  );
}

function Id({ name, value, onFilter }: { name: string; value: string; onFilter: () => void }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd className="mono">
        {value || NO_VALUE}{" "}
        {value && (
          <button type="button" className="btn quiet" onClick={onFilter}>
            show its messages
          </button>
        )}
      </dd>
    </>
  );
}

function Facts({ of: m, onShow }: { of: CimMessageDetail; onShow: Show }): ReactNode {
  return (
    <dl className="facts">
      <dt>{m.direction === "in" ? "Received" : "Sent"}</dt>
      <dd>
        {dateTime(m.received_at)} {m.direction === "in" ? "from" : "to"} {m.client} ({m.address || "unknown address"}) at <code>{m.path}</code>
        {m.proofs && `, proved by ${m.proofs.replaceAll("_", " ").replaceAll(" ", ", ")}`}
      </dd>
      <dt>Reply</dt>
      <dd>
        <strong>
          {m.result || NO_VALUE} {m.code}
        </strong>{" "}
        {m.details} · HTTP {m.http_status ?? NO_VALUE} · {m.duration_ms == null ? NO_VALUE : number(m.duration_ms)} ms
        {m.replays > 0 && ` · stored reply sent again ${m.replays} times`}
      </dd>
      {m.replay_of && (
        <>
          <dt>Replay of</dt>
          <dd>
            <button type="button" className="btn quiet mono" onClick={() => onShow({ open: m.replay_of, other: undefined })}>
              {m.replay_of}
            </button>{" "}
            in the sandbox, by {m.client}
          </dd>
        </>
      )}
      <dt>Changed</dt>
      <Changed of={m} />
      <Id name="MessageID" value={m.message_id} onFilter={() => onShow({ message_id: m.message_id })} />
      <Id name="CorrelationID" value={m.correlation_id} onFilter={() => onShow({ correlation_id: m.correlation_id })} />
      {m.request_id && (
        <>
          <dt>In our logs</dt>
          <dd className="mono">{m.request_id}</dd>
        </>
      )}
    </dl>
  );
}

/** One exchange: what is known of it, its conversation, and what was on the wire. */
export function Conversation({ mrid, other, onShow }: Props): ReactNode {
  const message = useQuery({
    queryKey: ["cim-message", mrid],
    queryFn: ({ signal }) => get<CimMessageDetail>(`cim-messages/${mrid}`, signal),
  });
  const replayed = useQueryClient().getQueryData<Replayed>(["cim-replayed", mrid]);
  return (
    <section className="panel cim-detail" aria-label="Message">
      <Query of={message} what="the message" rows={8}>
        {(m) => (
          <>
            <header>
              <h2>
                {m.verb || "?"} {m.noun || m.path}
              </h2>
              <span className="row push">
                <Replay of={m} onDone={(made) => onShow({ open: made, other: m.mrid })} />
                <a className="btn" href={`/api/v1/cim-messages/${m.mrid}/archive`} download>
                  Save as zip
                </a>
                <button type="button" className="btn" onClick={() => onShow({ open: undefined, other: undefined })}>
                  Close
                </button>
              </span>
            </header>
            {replayed && <ReplayNote of={replayed} />}
            <Facts of={m} onShow={onShow} />
            <Thread message={m} onShow={onShow} />
            {m.masked && <p className="dim small">Personal data (***) are hidden from your role.</p>}
            {other ? (
              <Difference of={m} other={other} onClose={() => onShow({ other: undefined })} />
            ) : (
              <>
                <XmlViewer key={`${mrid} request`} title="Request" source={m.request_xml} fault={m.request_fault} />
                <XmlViewer key={`${mrid} reply`} title="Reply" source={m.reply_xml} fault={m.reply_fault} />
              </>
            )}
          </>
        )}
      </Query>
    </section>
  );
}
