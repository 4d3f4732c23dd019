import { useState, type ClipboardEvent, type KeyboardEvent, type ReactNode } from "react";
import type { Preview } from "@/api/types";
import { direction, number, parseNumber, quantity, type Base, type Scale } from "@/lib/quantities";
import { parsePaste } from "@/lib/schedule";
import { dateTime, zoneName } from "@/lib/time";
import { INTERVAL_S, withIntervals, type Draft } from "./draft";

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  badRows: ReadonlySet<number>;
  startMs: number;
  scale: Scale;
  base: Base;
  preview: Preview | undefined;
}

const MOST_INTERVALS = 1000;

/** The schedule as a table: every point can be typed, stepped by keys, pasted and filled down. */
export function ScheduleTable({ draft, onDraft, badRows, startMs, scale, base, preview }: Props): ReactNode {
  const [note, setNote] = useState("");
  const isLine = draft.curve === "straightLineYValues";
  const intervals = isLine ? draft.values.length - 1 : draft.values.length;
  const stepMs = (parseNumber(draft.intervalText) ?? 0) * INTERVAL_S[draft.intervalUnit] * 1000;
  const set = (values: string[]): void => onDraft({ ...draft, values });

  function onPaste(event: ClipboardEvent<HTMLInputElement>, row: number): void {
    const text = event.clipboardData.getData("text");
    if (!/[\r\n\t;]/.test(text.trim())) return;
    event.preventDefault();
    const pasted = parsePaste(text);
    if (!pasted) {
      setNote("Not pasted: there is something in it that is not a number.");
      return;
    }
    const values = [...draft.values.slice(0, row), ...pasted.map(String), ...draft.values.slice(row + pasted.length)];
    set(values.slice(0, MOST_INTERVALS + 1));
    setNote(`${pasted.length} values pasted.`);
  }

  function onKey(event: KeyboardEvent<HTMLInputElement>, row: number): void {
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    const value = parseNumber(draft.values[row] ?? "");
    if (!steps || value === null) return;
    event.preventDefault();
    const size = Math.max(Math.abs(value), 1) >= 100 ? 1 : 0.1;
    set(draft.values.with(row, number(value + steps * size, 1).replace(/,/g, "")));
  }

  return (
    <div className="stack">
      <div className="row">
        <label className="row" htmlFor="intervals">
          {isLine ? "Segments" : "Intervals"}
          <input
            id="intervals"
            className="input"
            type="number"
            min={1}
            max={MOST_INTERVALS}
            style={{ width: 70 }}
            value={intervals}
            onChange={(e) => onDraft(withIntervals(draft, Math.min(MOST_INTERVALS, Math.max(1, Number(e.target.value) || 1))))}
          />
        </label>
        <button type="button" className="btn" disabled={draft.values.length < 2} onClick={() => set(draft.values.map(() => draft.values[0] ?? ""))}>
          Fill with first
        </button>
        <span className="dim small" role="status">
          {note || "A column can be pasted into any row."}
        </span>
      </div>
      <div className="schedule-rows">
        <table className="data" aria-label="Schedule">
          <thead>
            <tr>
              <th className="num">#</th>
              <th>{isLine ? "At" : "From"}</th>
              <th className="num">[{scale.unit}]</th>
              <th>Meaning</th>
              <th className="num">Deliverable</th>
            </tr>
          </thead>
          <tbody>
            {draft.values.map((text, row) => {
              const at = startMs + row * stepMs;
              const value = parseNumber(text);
              const found = preview?.intervals[row];
              return (
                <tr key={row}>
                  <td className="num">{row + 1}</td>
                  <td className="nowrap">
                    {dateTime(at).slice(11)} {row === 0 && zoneName(at)}
                  </td>
                  <td className="num">
                    <input
                      className="input"
                      inputMode="decimal"
                      aria-label={`Value ${row + 1} in ${scale.unit}`}
                      aria-invalid={badRows.has(row) && text !== ""}
                      value={text}
                      placeholder="±"
                      onChange={(e) => set(draft.values.with(row, e.target.value))}
                      onPaste={(event) => onPaste(event, row)}
                      onKeyDown={(event) => onKey(event, row)}
                    />
                  </td>
                  <td className="nowrap">{value === null ? "" : direction(value, draft.parameter)}</td>
                  <td className="num">
                    {found && (
                      <span className={Math.abs(found.deliverable - found.requested) > 1 ? "strong" : ""}>
                        {Math.abs(found.deliverable - found.requested) > 1 && "! "}
                        {quantity(found.deliverable, base, { scale, unit: false })}
                      </span>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}
