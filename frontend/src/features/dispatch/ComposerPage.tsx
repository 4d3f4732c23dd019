import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { get } from "@/api/client";
import type { Dispatch, Group } from "@/api/types";
import { CommandButton } from "@/components/controls";
import { size, useGroups } from "@/components/groups";
import { Empty, ErrorBox, Query } from "@/components/states";
import { serverNow, useNow } from "@/live/clock";
import { baseOf, scaleOf } from "@/lib/quantities";
import "./composer.css";
import { ConfirmSend } from "./ConfirmSend";
import { blankDraft, check, copyOf, type Draft } from "./draft";
import { PreviewChart, PreviewPanel } from "./PreviewPanel";
import { ScheduleTable } from "./ScheduleTable";
import { TargetFields } from "./TargetFields";
import { usePreview } from "./usePreview";

function Steps({ at }: { at: number }): ReactNode {
  return (
    <ol className="steps" aria-label="Steps">
      {["Target", "Schedule", "Check", "Send"].map((text, k) => (
        <li key={text} className={k < at ? "done" : ""} aria-current={k === at ? "step" : undefined}>
          {k + 1} {text}
        </li>
      ))}
    </ol>
  );
}

function blockedBy(isCurrent: boolean, isChecking: boolean, verdict: string | undefined, allowPartial: boolean): string {
  if (isChecking) return "Being checked";
  if (!isCurrent) return "The check is out of date or missing";
  if (verdict === "refused") return "It would be refused; see the reasons";
  if (verdict === "partial" && !allowPartial) return "Only a part can be delivered, and you did not allow that";
  return "";
}

interface ComposerProps {
  groups: readonly Group[];
  initial: Draft;
}

function Composer({ groups, initial }: ComposerProps): ReactNode {
  const navigate = useNavigate({ from: "/dispatches/new" });
  const [draft, setDraft] = useState(initial);
  const [confirming, setConfirming] = useState(false);
  const now = useNow();
  const group = groups.find(({ mrid }) => mrid === draft.group);
  const base = baseOf(draft.parameter);
  const scale = scaleOf(size(group?.status), base);
  const { problems, badRows, schedule, request } = check(draft, scale.divisor, now);
  const { preview, error, isChecking, isCurrent } = usePreview(request);
  const blocked = request === null ? "Not complete yet" : blockedBy(isCurrent, isChecking, preview?.verdict, draft.allowPartial);
  const step = draft.group === "" ? 0 : request === null ? 1 : blocked !== "" ? 2 : 3;

  function change(next: Draft): void {
    setDraft(next);
    if (next.group !== draft.group) void navigate({ search: { group: next.group || undefined }, replace: true, resetScroll: false });
  }

  return (
    <div className="page">
      <div className="page-head">
        <h1>New dispatch</h1>
        <Steps at={step} />
      </div>
      <div className="composer">
        <div className="stack">
          <section className="panel" aria-label="Target">
            <h2>1 Target</h2>
            <TargetFields draft={draft} onDraft={change} groups={groups} group={group} problems={problems} />
          </section>
        </div>
        <div className="stack">
          <div className="grid2">
            <section className="panel" aria-label="Schedule">
              <h2>2 Schedule</h2>
              <ScheduleTable draft={draft} onDraft={change} badRows={badRows} startMs={schedule?.startMs ?? now} scale={scale} base={base} preview={isCurrent ? preview : undefined} />
            </section>
            <section className="panel" aria-label="Requested and deliverable">
              <h2>Requested and deliverable</h2>
              <PreviewChart preview={preview} schedule={schedule} base={base} />
            </section>
          </div>
          <section className="panel" aria-label="Check" aria-busy={isChecking}>
            <header>
              <h2>3 Check</h2>
              {isChecking && <span className="dim small">checking</span>}
              <span className="push row">
                <span className="dim small">{blocked}</span>
                <CommandButton kind="primary" permission="dispatches.write" blocked={blocked} onClick={() => setConfirming(true)}>
                  4 Review and send
                </CommandButton>
              </span>
            </header>
            {error ? (
              <ErrorBox what="The check" error={error} />
            ) : preview ? (
              <PreviewPanel preview={preview} base={base} />
            ) : (
              <p className="dim">{isChecking ? "Checking what the group can deliver." : "The check starts when target and schedule are complete."}</p>
            )}
          </section>
        </div>
      </div>
      {confirming && request && schedule && preview && (
        <ConfirmSend request={request} schedule={schedule} preview={preview} groupName={group?.name ?? draft.group} isCurrent={isCurrent} onClose={() => setConfirming(false)} />
      )}
    </div>
  );
}

/** Target, schedule, check, send: on one page, so that nothing is behind another step. */
export function ComposerPage(): ReactNode {
  const search = useSearch({ from: "/dispatches/new" });
  const [openedAt] = useState(serverNow);
  const groups = useGroups();
  const copied = useQuery({
    queryKey: ["dispatches", search.copy],
    queryFn: () => get<Dispatch>(`dispatches/${search.copy}`),
    enabled: search.copy !== undefined,
  });
  return (
    <Query of={groups} what="groups" rows={12}>
      {({ results }) => {
        if (results.length === 0) return <Empty why="There is no group to dispatch yet." />;
        if (search.copy && !copied.data) return copied.error ? <ErrorBox what="Loading the dispatch to copy" error={copied.error} /> : null;
        const group = results.find(({ mrid }) => mrid === copied.data?.group_mrid);
        const initial = copied.data
          ? copyOf(copied.data, scaleOf(size(group?.status), "W").divisor, openedAt)
          : blankDraft(search.group ?? "", openedAt);
        return <Composer key={search.copy ?? "new"} groups={results} initial={initial} />;
      }}
    </Query>
  );
}
