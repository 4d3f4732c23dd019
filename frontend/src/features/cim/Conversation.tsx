import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get, query } from "@/api/client";
import type { CimMessage, CimMessageDetail, Page } from "@/api/types";
import { Query } from "@/components/states";
import { NO_VALUE, number } from "@/lib/quantities";
import { clock, dateTime } from "@/lib/time";
import type { CimFilters } from "./search";
import { XmlViewer } from "./XmlViewer";

interface Props {
  mrid: string;
  onOpen: (mrid: string | undefined) => void;
  onFilter: (filters: CimFilters) => void;
}

function Thread({ message, onOpen }: { message: CimMessage; onOpen: (mrid: string) => void }): ReactNode {
  const thread = useQuery({
    queryKey: ["cim-thread", message.correlation_id],
    queryFn: ({ signal }) => get<Page<CimMessage>>(`cim-messages${query({ correlation_id: message.correlation_id })}`, signal),
    enabled: message.correlation_id !== "",
  });
  const others = [...(thread.data?.results ?? [])].sort((a, b) => a.received_at.localeCompare(b.received_at));
  if (others.length < 2) return null;
  return (
    <div className="stack">
      <h2>Conversation</h2>
      <ol className="timeline">
        {others.map((one) => (
          <li key={one.mrid}>
            <button type="button" className="btn quiet" aria-pressed={one.mrid === message.mrid} onClick={() => onOpen(one.mrid)}>
              {clock(one.received_at)} {one.direction} {one.verb} {one.noun} {one.result} {one.code}
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Facts({ of: m, onFilter }: { of: CimMessage; onFilter: (filters: CimFilters) => void }): ReactNode {
  return (
    <dl className="facts">
      <dt>Received</dt>
      <dd>
        {dateTime(m.received_at)} from {m.client} ({m.address || "unknown address"}) at <code>{m.path}</code>
      </dd>
      <dt>Reply</dt>
      <dd>
        <strong>
          {m.result || NO_VALUE} {m.code}
        </strong>{" "}
        {m.details} · HTTP {m.http_status ?? NO_VALUE} · {m.duration_ms == null ? NO_VALUE : number(m.duration_ms)} ms
        {m.replays > 0 && ` · stored reply sent again ${m.replays} times`}
      </dd>
      <dt>MessageID</dt>
      <dd className="mono">{m.message_id || NO_VALUE}</dd>
      <dt>CorrelationID</dt>
      <dd className="mono">
        {m.correlation_id || NO_VALUE}{" "}
        {m.correlation_id && (
          <button type="button" className="btn quiet" onClick={() => onFilter({ correlation_id: m.correlation_id })}>
            show its messages
          </button>
        )}
      </dd>
      {m.request_id && (
        <>
          <dt>In our logs</dt>
          <dd className="mono">{m.request_id}</dd>
        </>
      )}
    </dl>
  );
}

export function Conversation({ mrid, onOpen, onFilter }: Props): ReactNode {
  const message = useQuery({
    queryKey: ["cim-message", mrid],
    queryFn: ({ signal }) => get<CimMessageDetail>(`cim-messages/${mrid}`, signal),
  });
  return (
    <section className="panel cim-detail" aria-label="Message">
      <Query of={message} what="the message" rows={8}>
        {(m) => (
          <>
            <header>
              <h2>
                {m.verb || "?"} {m.noun || m.path}
              </h2>
              <button type="button" className="btn push" onClick={() => onOpen(undefined)}>
                Close
              </button>
            </header>
            <Facts of={m} onFilter={onFilter} />
            <Thread message={m} onOpen={onOpen} />
            <XmlViewer key={`${mrid} request`} title="Request" source={m.request_xml} />
            <XmlViewer key={`${mrid} reply`} title="Reply" source={m.reply_xml} />
          </>
        )}
      </Query>
    </section>
  );
}
