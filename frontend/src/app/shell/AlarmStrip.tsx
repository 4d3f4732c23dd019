import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { post } from "@/api/client";
import type { Alarm } from "@/api/types";
import { CommandButton } from "@/components/controls";
import { SourceLink } from "@/components/SourceLink";
import { PriorityChip } from "@/components/symbols";
import { useNow } from "@/live/clock";
import { shortTime } from "@/lib/time";

interface Props {
  alarm: Alarm | null;
  waiting: number;
  known: boolean;
}

/** Newest unacknowledged alarm of the highest priority, on every page (ISA-18.2). */
export function AlarmStrip({ alarm, waiting, known }: Props): ReactNode {
  const now = useNow();
  const [failed, setFailed] = useState("");
  if (!alarm) {
    return (
      <footer className="shell-strip dim">
        {known ? "No unacknowledged alarms" : "Alarms are not known while there is no connection"}
      </footer>
    );
  }
  const acknowledge = (): void => {
    setFailed("");
    post(`alarms/${alarm.mrid}/acknowledge`, { comment: "" }).catch((error: Error) => setFailed(error.message));
  };
  return (
    <footer className="shell-strip" aria-live={alarm.priority === 1 ? "assertive" : "polite"}>
      <PriorityChip priority={alarm.priority} />
      <span>{shortTime(alarm.raised_at, now)}</span>
      <strong>
        <SourceLink type={alarm.source_type} mrid={alarm.source_mrid}>
          {alarm.source_name || alarm.source_mrid}
        </SourceLink>
      </strong>
      <span className="text">
        {alarm.condition}
        {alarm.cleared_at !== null && " (returned to normal)"}
        {failed && <span className="danger"> · {failed}</span>}
      </span>
      <span className="push row">
        {waiting > 1 && <Link to="/alarms">{waiting - 1} more waiting</Link>}
        <CommandButton permission="alarms.acknowledge" onClick={acknowledge}>
          Acknowledge
        </CommandButton>
      </span>
    </footer>
  );
}
