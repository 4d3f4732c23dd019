import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { usePages } from "@/api/pages";
import type { CimMessage } from "@/api/types";
import { useTopic } from "@/live/topics";
import { DataTable, More, type Column } from "@/components/DataTable";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { useNow } from "@/live/clock";
import { count, NO_VALUE, number } from "@/lib/quantities";
import { shortTime } from "@/lib/time";
import "./cim.css";
import { Conversation } from "./Conversation";
import { CIM_FILTERS, type CimFilters } from "./search";

const PLACEHOLDERS: Record<string, string> = {
  noun: "noun",
  verb: "verb",
  client: "client",
  result: "result",
  message_id: "MessageID",
  correlation_id: "CorrelationID",
  q: "text in the log",
};

export function resultText(message: CimMessage): string {
  if (!message.result && !message.code) return NO_VALUE;
  return `${message.result} ${message.code}`.trim();
}

function isBad(message: CimMessage): boolean {
  return message.result !== "OK" && message.result !== "" && message.code !== "0.0";
}

function columnsOf(now: number): Column<CimMessage>[] {
  return [
    { key: "at", head: "Time", cell: (m) => <span className="nowrap">{shortTime(m.received_at, now)}</span>, sort: (m) => m.received_at },
    { key: "direction", head: "Dir", cell: (m) => m.direction },
    { key: "verb", head: "Verb", cell: (m) => m.verb, sort: (m) => m.verb },
    { key: "noun", head: "Noun", cell: (m) => m.noun, sort: (m) => m.noun },
    { key: "client", head: "Peer", cell: (m) => m.client, sort: (m) => m.client },
    { key: "result", head: "Reply", cell: (m) => <span className={isBad(m) ? "strong nowrap" : "nowrap"}>{isBad(m) && "! "}{resultText(m)}</span>, sort: resultText },
    { key: "http", head: "HTTP", num: true, cell: (m) => m.http_status ?? NO_VALUE },
    { key: "ms", head: "ms", num: true, cell: (m) => (m.duration_ms == null ? NO_VALUE : number(m.duration_ms)), sort: (m) => m.duration_ms },
    { key: "size", head: "Bytes in / out", num: true, cell: (m) => `${count(m.request_size)} / ${count(m.reply_size)}`, sort: (m) => m.request_size },
    { key: "replays", head: "Again", num: true, cell: (m) => (m.replays > 0 ? m.replays : ""), sort: (m) => m.replays },
  ];
}

/** Every CIM message in and out; beside the list the conversation that the opened one is part of. */
export function CimPage(): ReactNode {
  const { open, ...filters } = useSearch({ from: "/cim-messages" });
  const navigate = useNavigate({ from: "/cim-messages" });
  const [isPaused, setPaused] = useState(false);
  const messages = usePages<CimMessage>("cim-messages", { ...filters }, { refetchMs: isPaused ? 0 : 15_000 });
  useTopic<CimMessage[]>("cim", (old) => old, () => !isPaused && messages.refetch());
  const now = useNow();
  const show = (more: CimFilters & { open?: string }): void => void navigate({ search: { ...filters, open, ...more }, replace: true, resetScroll: false });
  const hasFilter = Object.values(filters).some(Boolean);
  return (
    <div className="page fill">
      <div className="page-head">
        <h1>CIM messages</h1>
        {CIM_FILTERS.map((name, k) => (
          <input key={name} className="input cim-filter" type="search" aria-label={`Filter by ${PLACEHOLDERS[name]}`} placeholder={PLACEHOLDERS[name]} {...(k === 0 && { "data-filter": true })} defaultValue={filters[name] ?? ""} onChange={(e) => show({ [name]: e.target.value || undefined })} />
        ))}
        <button type="button" className="btn push" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? "Follow" : "Pause"}
        </button>
      </div>
      <div className={open ? "cim-panes" : "cim-one"}>
        <section className="panel">
          {messages.isLoading ? (
            <Loading what="messages" rows={12} />
          ) : messages.error ? (
            <ErrorBox what="Loading messages" error={messages.error} retry={messages.refetch} />
          ) : messages.rows.length === 0 ? (
            <Empty why={hasFilter ? "The filters hide every message." : "No CIM message was exchanged yet."}>
              {hasFilter && (
                <button type="button" className="btn" onClick={() => void navigate({ search: {}, replace: true, resetScroll: false })}>
                  Clear the filters
                </button>
              )}
            </Empty>
          ) : (
            <>
              <DataTable
                label="CIM messages"
                rows={messages.rows}
                columns={[...columnsOf(now), { key: "open", head: <span className="sr-only">Open</span>, cell: (m) => <button type="button" className="btn quiet" onClick={() => show({ open: m.mrid })}>open</button> }]}
                rowKey={(m) => m.mrid}
                selected={open}
                onOpen={(m) => show({ open: m.mrid })}
              />
              <More shown={messages.rows.length} hasMore={messages.hasMore} busy={messages.busy} onMore={messages.more} what="messages" />
            </>
          )}
        </section>
        {open && <Conversation mrid={open} onOpen={(mrid) => show({ open: mrid })} onFilter={show} />}
      </div>
    </div>
  );
}
