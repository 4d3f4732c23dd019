import { useNavigate, useSearch } from "@tanstack/react-router";
import { useRef, useState, type ReactNode } from "react";
import { query } from "@/api/client";
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
import { Counters } from "./Counters";
import { Filters } from "./Filters";
import type { CimFilters, CimSelection } from "./search";

/** The list is asked for again, filters and all; the topic only says when. */
const KEEP = (old: CimMessage[]): CimMessage[] => old;

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
    { key: "direction", head: "Dir", cell: (m) => (m.replay_of ? "replay" : m.direction) },
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

const REFRESH_MS = 1000;

/** Run `act` now, or once a second has passed since it last ran; never more often. */
function useThrottled(act: () => void): () => void {
  const state = useRef({ last: 0, waiting: false });
  return () => {
    const { last, waiting } = state.current;
    if (waiting) return;
    state.current.waiting = true;
    setTimeout(() => {
      state.current = { last: Date.now(), waiting: false };
      act();
    }, Math.max(0, last + REFRESH_MS - Date.now()));
  };
}

/** Every CIM message in and out; beside the list the conversation that the opened one is part of. */
export function CimPage(): ReactNode {
  const { open, other, ...filters } = useSearch({ from: "/cim-messages" });
  const navigate = useNavigate({ from: "/cim-messages" });
  const [isPaused, setPaused] = useState(false);
  const [isCounting, setCounting] = useState(false);
  const [version, setVersion] = useState(0);
  const messages = usePages<CimMessage>("cim-messages", { ...filters });
  const refresh = useThrottled(messages.refetch);
  useTopic<CimMessage[]>("cim", KEEP, () => !isPaused && refresh());
  const now = useNow();
  const show = (more: CimFilters & CimSelection): void => void navigate({ search: { ...filters, open, other, ...more }, replace: true, resetScroll: false });
  /** Filters set from elsewhere than their fields, which then begin anew. */
  const set = (more: CimFilters & CimSelection): void => {
    show(more);
    setVersion(version + 1);
  };
  const clear = (): void => {
    void navigate({ search: {}, replace: true, resetScroll: false });
    setVersion(version + 1);
  };
  const hasFilter = Object.values(filters).some(Boolean);
  const toggle = (): void => {
    if (isPaused) messages.refetch();
    setPaused(!isPaused);
  };
  const actions: Column<CimMessage> = {
    key: "open",
    head: <span className="sr-only">Open</span>,
    // Beside an opened message the row itself opens another one, and the button compares the two.
    cell: (m) =>
      open === undefined ? (
        <button type="button" className="btn quiet" onClick={() => show({ open: m.mrid, other: undefined })}>
          open
        </button>
      ) : (
        open !== m.mrid && (
          <button type="button" className="btn quiet" onClick={() => show({ other: m.mrid })}>
            compare
          </button>
        )
      ),
  };
  return (
    <div className="page fill">
      <div className="page-head">
        <h1>CIM messages</h1>
        <span className="row push">
          <button type="button" className="btn" aria-pressed={isCounting} onClick={() => setCounting(!isCounting)}>
            Partners, 24 h
          </button>
          <a className="btn" href={`/api/v1/cim-messages/export${query({ ...filters })}`} download>
            Save as CSV
          </a>
          <button type="button" className="btn" aria-pressed={isPaused} onClick={toggle}>
            {isPaused ? "Follow" : "Pause"}
          </button>
        </span>
      </div>
      <Filters key={version} filters={filters} onChange={show} />
      {isCounting && <Counters onPick={(client) => set({ client })} />}
      <div className={open ? "cim-panes" : "cim-one"}>
        <section className="panel">
          {messages.isLoading ? (
            <Loading what="messages" rows={12} />
          ) : messages.error ? (
            <ErrorBox what="Loading messages" error={messages.error} retry={messages.refetch} />
          ) : messages.rows.length === 0 ? (
            <Empty why={hasFilter ? "The filters hide every message." : "No CIM message was exchanged yet."}>
              {hasFilter && (
                <button type="button" className="btn" onClick={clear}>
                  Clear the filters
                </button>
              )}
            </Empty>
          ) : (
            <>
              <DataTable label="CIM messages" rows={messages.rows} columns={[...columnsOf(now), actions]} rowKey={(m) => m.mrid} selected={open} onOpen={(m) => show({ open: m.mrid, other: undefined })} />
              <More shown={messages.rows.length} hasMore={messages.hasMore} busy={messages.busy} onMore={messages.more} what="messages" />
            </>
          )}
        </section>
        {open && <Conversation mrid={open} other={other} onShow={set} />}
      </div>
    </div>
  );
}
