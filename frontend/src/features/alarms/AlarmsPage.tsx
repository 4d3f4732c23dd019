import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { post } from "@/api/client";
import { usePages } from "@/api/pages";
import type { Alarm } from "@/api/types";
import { CommandButton, Dialog, Field, FormError, Pick } from "@/components/controls";
import { DataTable, More, type Column } from "@/components/DataTable";
import { SourceLink } from "@/components/SourceLink";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { PRIORITY_NAMES, PriorityChip } from "@/components/symbols";
import { useNow } from "@/live/clock";
import { mergeRows, useTopic } from "@/live/topics";
import { count } from "@/lib/quantities";
import { dateTime, shortTime } from "@/lib/time";
import { fold, isFlood, type Fold } from "./flood";
import type { AlarmView } from "./search";

const alarmRows = mergeRows<Alarm>("mrid");
// A page is acknowledged only as far as it can have been read.
const BULK = 50;

function stateOf(alarm: Alarm): string {
  const seen = alarm.acknowledged_at ? `ack ${alarm.acknowledged_by}` : "unack";
  return alarm.cleared_at ? `${seen}, returned` : `${seen}, active`;
}

interface AckProps {
  alarms: readonly Alarm[];
  onClose: () => void;
}

function AckDialog({ alarms, onClose }: AckProps): ReactNode {
  const queries = useQueryClient();
  const [comment, setComment] = useState("");
  const one = alarms.length === 1 ? alarms[0] : undefined;
  const acknowledge = useMutation({
    mutationFn: () =>
      one ? post(`alarms/${one.mrid}/acknowledge`, { comment }) : post("alarms/acknowledge", { mrids: alarms.map(({ mrid }) => mrid), comment }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["alarms"] });
      onClose();
    },
  });
  return (
    <Dialog title={one ? `Acknowledge: ${one.source_name}` : `Acknowledge ${alarms.length} alarms`} onClose={onClose}>
      {one ? (
        <>
          <p>
            <PriorityChip priority={one.priority} /> {one.condition}
          </p>
          {one.response && <p className="dim">Response: {one.response}</p>}
        </>
      ) : (
        <p>You have seen them and take care of them.</p>
      )}
      <Field label="Comment">
        {(ids) => <input {...ids} className="input" data-autofocus maxLength={500} value={comment} onChange={(e) => setComment(e.target.value)} onKeyDown={(e) => e.key === "Enter" && acknowledge.mutate()} />}
      </Field>
      <FormError error={acknowledge.error} />
      <div className="row">
        <CommandButton kind="primary" permission="alarms.acknowledge" disabled={acknowledge.isPending} onClick={() => acknowledge.mutate()}>
          Acknowledge
        </CommandButton>
        <button type="button" className="btn" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

function columnsOf(now: number, onAck: (alarms: readonly Alarm[]) => void): Column<Fold>[] {
  return [
    { key: "priority", head: "Prio", cell: ({ first }) => <PriorityChip priority={first.priority} />, sort: ({ first }) => first.priority },
    { key: "at", head: "Raised", cell: ({ first }) => <span className="nowrap" title={dateTime(first.raised_at)}>{shortTime(first.raised_at, now)}</span>, sort: ({ first }) => first.raised_at },
    { key: "source", head: "Source", cell: ({ first, rest }) => (rest.length > 0 ? <strong>{count(rest.length + 1)} sources</strong> : <SourceLink type={first.source_type} mrid={first.source_mrid}>{first.source_name || first.source_mrid}</SourceLink>), sort: ({ first }) => first.source_name },
    { key: "condition", head: "Condition", wrap: true, cell: ({ first, rest }) => <>{rest.length > 0 ? `${first.kind.replaceAll("_", " ")}: ${first.source_name} and ${rest.length} more` : first.condition}{first.count > 1 && <span className="dim"> · {first.count} times</span>}</>, sort: ({ first }) => first.condition },
    { key: "response", head: "What to do", wrap: true, cell: ({ first }) => first.response },
    { key: "state", head: "State", cell: ({ first }) => <span className="nowrap">{stateOf(first)}</span>, sort: ({ first }) => stateOf(first) },
    { key: "comment", head: "Comment", wrap: true, cell: ({ first }) => first.comment },
    {
      key: "ack",
      head: <span className="sr-only">Acknowledge</span>,
      cell: ({ first, rest }) =>
        first.acknowledged_at === null && (
          <CommandButton permission="alarms.acknowledge" onClick={() => onAck([first, ...rest].slice(0, BULK))}>
            Ack{rest.length > 0 && ` ${Math.min(rest.length + 1, BULK)}`}
          </CommandButton>
        ),
    },
  ];
}

const VIEWS: readonly (readonly [AlarmView, string])[] = [
  ["active", "Active"],
  ["unacknowledged", "Unacknowledged"],
  ["journal", "Journal"],
];

function belongs(alarm: Alarm, view: AlarmView): boolean {
  if (view === "active") return alarm.cleared_at === null;
  return view === "journal" || alarm.acknowledged_at === null;
}

function order(a: Alarm, b: Alarm): number {
  const unack = Number(a.acknowledged_at !== null) - Number(b.acknowledged_at !== null);
  return unack || a.priority - b.priority || b.raised_at.localeCompare(a.raised_at);
}

function useAlarms(view: AlarmView, priority: string | undefined) {
  const live = useTopic<Alarm[]>("alarms", alarmRows).data;
  const stored = usePages<Alarm>("alarms", { state: view === "journal" ? "all" : view, priority, page_size: 200 }, { refetchMs: 15_000 });
  const rows = useMemo(() => {
    const known = new Map(stored.rows.map((alarm) => [alarm.mrid, alarm]));
    for (const alarm of live ?? []) known.set(alarm.mrid, { ...known.get(alarm.mrid), ...alarm });
    const wanted = [...known.values()].filter((alarm) => belongs(alarm, view) && (!priority || String(alarm.priority) === priority));
    return view === "journal" ? wanted.sort((a, b) => b.raised_at.localeCompare(a.raised_at)) : wanted.sort(order);
  }, [stored.rows, live, view, priority]);
  return { ...stored, rows };
}

export function AlarmsPage(): ReactNode {
  const { view = "active", priority } = useSearch({ from: "/alarms" });
  const navigate = useNavigate({ from: "/alarms" });
  const alarms = useAlarms(view, priority);
  const now = useNow();
  const [checked, setChecked] = useState<ReadonlySet<string>>(new Set());
  const [acking, setAcking] = useState<readonly Alarm[] | null>(null);
  const [unfolded, setUnfolded] = useState(false);
  const flood = isFlood(alarms.rows, now);
  const folds = useMemo(() => fold(alarms.rows, flood && !unfolded && view !== "journal"), [alarms.rows, flood, unfolded, view]);
  const chosen = useMemo(
    () =>
      folds
        .flatMap(({ first, rest }) => (checked.has(first.mrid) ? [first, ...rest] : []))
        .filter(({ acknowledged_at }) => acknowledged_at === null),
    [folds, checked],
  );
  const waiting = alarms.rows.filter((alarm) => alarm.acknowledged_at === null && alarm.priority > 1).slice(0, BULK);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && (event.target as HTMLInputElement).type !== "checkbox";
      if (event.key === "a" && !typing && chosen.length > 0 && !document.querySelector('[role="dialog"]')) setAcking(chosen.slice(0, BULK));
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [chosen]);

  return (
    <div className="page">
      <div className="page-head">
        <h1>Alarms</h1>
        <Pick label="Priority" all="all priorities" value={priority ?? ""} options={[1, 2, 3, 4].map((p) => [String(p), `${p} ${PRIORITY_NAMES[p]}`])} onChange={(value) => void navigate({ search: { view, priority: value || undefined }, replace: true, resetScroll: false })} />
        <span className="row push">
          <CommandButton permission="alarms.acknowledge" blocked={chosen.length === 0 ? "Select alarms first" : ""} onClick={() => setAcking(chosen.slice(0, BULK))}>
            Acknowledge selected
          </CommandButton>
          <CommandButton permission="alarms.acknowledge" blocked={waiting.length === 0 ? "Nothing to acknowledge; priority 1 is acknowledged one by one" : ""} onClick={() => setAcking(waiting)}>
            Acknowledge page
          </CommandButton>
        </span>
      </div>
      <nav className="tabs" aria-label="Alarm lists">
        {VIEWS.map(([key, text]) => (
          <Link key={key} to="/alarms" search={{ view: key, priority }} activeProps={{}} aria-current={key === view ? "page" : undefined}>
            {text}
          </Link>
        ))}
      </nav>
      {flood && view !== "journal" && (
        <div className="banner" role="status">
          More than 10 alarms in 10 minutes: alarms of one kind are folded into one line.
          <button type="button" className="btn" aria-pressed={unfolded} onClick={() => setUnfolded(!unfolded)}>
            {unfolded ? "Fold" : "Show each"}
          </button>
        </div>
      )}
      {alarms.isLoading ? (
        <Loading what="alarms" rows={10} />
      ) : alarms.error ? (
        <ErrorBox what="Loading alarms" error={alarms.error} retry={alarms.refetch} />
      ) : folds.length === 0 ? (
        <Empty why={priority ? "No alarm of this priority." : view === "journal" ? "No alarm was ever raised." : "No alarms."} />
      ) : (
        <section className="panel">
          <DataTable label="Alarms" rows={folds} columns={columnsOf(now, setAcking)} rowKey={({ first }) => first.mrid} checked={checked} onCheck={setChecked} dimmed={({ first }) => first.cleared_at !== null && first.acknowledged_at !== null} />
          <More shown={alarms.rows.length} hasMore={alarms.hasMore} busy={alarms.busy} onMore={alarms.more} what="alarms" />
        </section>
      )}
      {acking && <AckDialog alarms={acking} onClose={() => { setAcking(null); setChecked(new Set()); }} />}
    </div>
  );
}
