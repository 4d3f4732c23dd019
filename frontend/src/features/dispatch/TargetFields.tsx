import type { ReactNode } from "react";
import type { Group } from "@/api/types";
import { Field, Segments } from "@/components/controls";
import { versionText } from "@/components/groups";
import type { DerFunction } from "@/components/symbols";
import { count, parseNumber, quantity } from "@/lib/quantities";
import { fromLocal, siteZone, zoneName } from "@/lib/time";
import { INTERVAL_S, withCurve, type Draft, type Problems } from "./draft";

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  groups: readonly Group[];
  group: Group | undefined;
  problems: Problems;
}

function StartField({ draft, onDraft, problem }: { draft: Draft; onDraft: (draft: Draft) => void; problem: string | undefined }): ReactNode {
  const found = draft.startsNow ? null : fromLocal(draft.startText);
  const set = (more: Partial<Draft>): void => onDraft({ ...draft, ...more });
  return (
    <div className="wide stack">
      <Segments label="Start" value={draft.startsNow ? "now" : "at"} onChange={(value) => set({ startsNow: value === "now" })} options={[{ value: "now", text: "Now" }, { value: "at", text: "At a time" }]} />
      {!draft.startsNow && (
        <Field label={`Date and time on site (${siteZone()})`} error={problem}>
          {(ids) => <input {...ids} className="input" type="datetime-local" value={draft.startText} onChange={(e) => set({ startText: e.target.value, second: false })} />}
        </Field>
      )}
      {found?.kind === "twice" && (
        <Segments
          label="The clocks show this time twice that night"
          value={draft.second ? "second" : "first"}
          onChange={(value) => set({ second: value === "second" })}
          options={[
            { value: "first", text: `first, ${zoneName(found.first)}` },
            { value: "second", text: `second, ${zoneName(found.second)}` },
          ]}
        />
      )}
    </div>
  );
}

export function TargetFields({ draft, onDraft, groups, group, problems }: Props): ReactNode {
  const set = (more: Partial<Draft>): void => onDraft({ ...draft, ...more });
  const status = group?.status;
  const allows = (name: DerFunction): boolean => !group || group.functions[name] === true;
  const interval = parseNumber(draft.intervalText);
  return (
    <div className="fields">
      <div className="wide">
        <Field
          label="Group"
          error={draft.group === "" ? undefined : problems.group}
          hint={group ? `${versionText(group)} ${count(group.member_count)} members${status ? `, now ${quantity(status.active_power_w, "W")}, can reach ${quantity(status.available_min_w, "W")} to ${quantity(status.available_max_w, "W")}` : ""}` : "Whom the dispatch is for"}
        >
          {(ids) => (
            <select {...ids} className="input" value={draft.group} onChange={(e) => set({ group: e.target.value })}>
              <option value="">choose a group</option>
              {groups.map(({ mrid, name }) => (
                <option key={mrid} value={mrid}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <div className="wide">
        <Segments
          label="Parameter"
          value={draft.parameter}
          onChange={(parameter) => set({ parameter })}
          options={[
            { value: "activePower", text: "Active power", disabled: !allows("realPowerDispatch") && "The group lacks the function real power dispatch" },
            { value: "reactivePower", text: "Reactive power", disabled: !allows("reactivePowerDispatch") && "The group lacks the function reactive power dispatch" },
          ]}
        />
      </div>
      <div className="wide">
        <Segments label="Curve" value={draft.curve} onChange={(curve) => onDraft(withCurve(draft, curve))} options={[{ value: "constantYValue", text: "Steps" }, { value: "straightLineYValues", text: "Straight lines" }]} />
      </div>
      <StartField draft={draft} onDraft={onDraft} problem={problems.start} />
      <Field label="Interval length" error={problems.interval} hint={interval ? `${interval * INTERVAL_S[draft.intervalUnit]} s` : ""}>
        {(ids) => <input {...ids} className="input" inputMode="decimal" value={draft.intervalText} onChange={(e) => set({ intervalText: e.target.value })} />}
      </Field>
      <Field label="Unit of the interval">
        {(ids) => (
          <select {...ids} className="input" value={draft.intervalUnit} onChange={(e) => set({ intervalUnit: e.target.value as Draft["intervalUnit"] })}>
            <option value="s">seconds</option>
            <option value="min">minutes</option>
            <option value="h">hours</option>
          </select>
        )}
      </Field>
      <Field label="Priority" hint="1 wins over 5">
        {(ids) => (
          <select {...ids} className="input" value={draft.priority} onChange={(e) => set({ priority: Number(e.target.value) })}>
            {[1, 2, 3, 4, 5].map((priority) => (
              <option key={priority} value={priority}>
                {priority}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="At the end">
        {(ids) => (
          <select {...ids} className="input" value={draft.end} onChange={(e) => set({ end: e.target.value as Draft["end"] })}>
            <option value="release">release to local control</option>
            <option value="hold">hold the last set point</option>
          </select>
        )}
      </Field>
      <label className="check wide">
        <input type="checkbox" checked={draft.allowPartial} onChange={(e) => set({ allowPartial: e.target.checked })} />
        Send even when only a part can be delivered
      </label>
      <div className="wide">
        <Field label="Name">{(ids) => <input {...ids} className="input" maxLength={200} placeholder="optional" value={draft.name} onChange={(e) => set({ name: e.target.value })} />}</Field>
      </div>
      <div className="wide">
        <Field label="Reason">{(ids) => <input {...ids} className="input" maxLength={500} placeholder="why; goes into the audit log" value={draft.comment} onChange={(e) => set({ comment: e.target.value })} />}</Field>
      </div>
    </div>
  );
}
