import { Link, useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, useRef, type KeyboardEvent, type ReactNode } from "react";
import type { Fleet } from "@/api/fleet";
import { kindName, linkText } from "@/components/symbols";
import { qualityName, Quality } from "@/components/Value";
import { useNow } from "@/live/clock";
import { NO_VALUE, number, quantity, scaleOf, type Scale } from "@/lib/quantities";
import { instant, span } from "@/lib/time";
import { COLUMNS, type ColumnKey } from "./list";
import { useLiveRows, type LiveRow } from "./liveRows";
import type { DevicesSearch } from "./search";

const ROW = 24;
const STALE_S = 30;

interface Props {
  fleet: Fleet;
  rows: Uint32Array;
  shown: ReadonlySet<ColumnKey>;
  search: DevicesSearch;
  onSearch: (more: Partial<DevicesSearch>) => void;
}

interface CellContext {
  fleet: Fleet;
  row: number;
  fresh: LiveRow | undefined;
  scale: Scale;
  now: number;
}

function measuredMs({ fleet, row, fresh }: CellContext): number | null {
  const at = fresh?.measured_at;
  if (typeof at === "string") return instant(at);
  const seconds = typeof at === "number" ? at : fleet.measuredAt[row]!;
  return Number.isNaN(seconds) ? null : seconds * 1000;
}

function power(value: number | null | undefined, context: CellContext, quality?: boolean): ReactNode {
  const measured = measuredMs(context);
  const late = context.fresh?.stale ?? (measured !== null && context.now - measured > STALE_S * 1000);
  if (value == null || Number.isNaN(value)) return NO_VALUE;
  const of = context.fresh ? context.fresh.quality : context.fleet.quality[context.row];
  return (
    <span className={`value${late ? " value-stale" : ""}`}>
      {late && "~"}
      {quantity(value, "W", { scale: context.scale, unit: false })}
      {quality && qualityName(of) !== "good" && <Quality of={of} />}
    </span>
  );
}

const CELLS: Record<ColumnKey, (context: CellContext) => ReactNode> = {
  name: ({ fleet, row }) => (
    <Link to="/devices/$mrid" params={{ mrid: fleet.mrid[row]! }} search={{ tab: "live" }} tabIndex={-1}>
      {fleet.name.at(row)}
    </Link>
  ),
  kind: ({ fleet, row }) => kindName(fleet.kind.at(row)),
  feeder: ({ fleet, row }) => fleet.feeder.at(row),
  lifecycle: ({ fleet, row }) => fleet.lifecycle.at(row),
  eligible: ({ fleet, row }) => (fleet.eligible[row] === 1 ? "yes" : "no"),
  link: ({ fleet, row, fresh }) => linkText(fresh?.link ?? fleet.link.at(row)),
  rated: ({ fleet, row, scale }) => quantity(fleet.ratedW[row], "W", { scale, unit: false }),
  p: (context) => power(context.fresh ? context.fresh.p_w : context.fleet.pW[context.row], context, true),
  q: (context) => power(context.fresh ? context.fresh.q_var : context.fleet.qVar[context.row], context),
  soc: ({ fleet, row, fresh }) => {
    const soc = fresh ? fresh.soc_pct : fleet.socPct[row]!;
    return soc == null || Number.isNaN(soc) ? "" : number(soc);
  },
  age: (context) => {
    const measured = measuredMs(context);
    return measured === null ? "never" : span(context.now - measured);
  },
};

interface RowProps extends CellContext {
  columns: typeof COLUMNS;
  index: number;
  start: number;
}

/** Drawn again only when its own values change: scrolling costs the rows that come in. */
const Row = memo(function Row({ columns, index, start, ...context }: RowProps): ReactNode {
  return (
    <div role="row" aria-rowindex={index + 2} tabIndex={-1} className="grid-row" style={{ transform: `translateY(${start}px)` }}>
      {columns.map(({ key, width, num }) => (
        <span key={key} role="cell" className={num ? "num" : ""} style={{ width }}>
          {CELLS[key](context)}
        </span>
      ))}
    </div>
  );
});

function largestRated(fleet: Fleet): number {
  let found = 0;
  for (const rated of fleet.ratedW) if (rated > found) found = rated;
  return found;
}

/** Only the rows on screen are in the page; 100,000 of them scroll like twenty. */
export function DeviceGrid({ fleet, rows, shown, search, onSearch }: Props): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const now = useNow();
  // eslint-disable-next-line react-hooks/incompatible-library -- the virtualizer is meant to change with every render
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12 });
  const items = virtual.getVirtualItems();
  const fresh = useLiveRows(items.map((item) => fleet.mrid[rows[item.index]!]!));
  const scale = useMemo(() => scaleOf(largestRated(fleet), "W"), [fleet]);
  const columns = useMemo(() => COLUMNS.filter(({ key }) => key === "name" || shown.has(key)), [shown]);

  useEffect(() => {
    box.current?.scrollTo({ top: 0 });
  }, [search.q, search.kind, search.feeder, search.link, search.lifecycle, search.eligible, search.sort, search.down]);

  function onKey(event: KeyboardEvent<HTMLDivElement>): void {
    const focused = Number(document.activeElement?.getAttribute("aria-rowindex") ?? 1) - 2;
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 20, PageUp: -20 }[event.key];
    if (event.key === "Enter" && focused >= 0) {
      void navigate({ to: "/devices/$mrid", params: { mrid: fleet.mrid[rows[focused]!]! }, search: { tab: "live" } });
    } else if (step) {
      const next = Math.max(0, Math.min(rows.length - 1, Math.max(focused, 0) + (focused < 0 ? 0 : step)));
      virtual.scrollToIndex(next);
      requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[aria-rowindex="${next + 2}"]`)?.focus());
    } else return;
    event.preventDefault();
  }

  const unit = (key: ColumnKey): string => (key === "rated" || key === "p" ? ` ${scale.unit}` : key === "q" ? ` ${scale.unit.replace("W", "var")}` : "");
  return (
    <div ref={box} className="grid-box" role="table" aria-label="Devices" aria-rowcount={rows.length + 1} tabIndex={0} onKeyDown={onKey}>
      <div className="grid-head" role="row" aria-rowindex={1}>
        {columns.map(({ key, text, width, num }) => {
          const mine = search.sort === key;
          return (
            <span key={key} role="columnheader" className={num ? "num" : ""} style={{ width }} aria-sort={mine ? (search.down ? "descending" : "ascending") : "none"}>
              <button type="button" className="sort" onClick={() => onSearch(mine && search.down ? { sort: undefined, down: undefined } : { sort: key, down: mine ? true : undefined })}>
                {text}
                {unit(key)}
                {mine && (search.down ? " \u25bc" : " \u25b2")}
              </button>
            </span>
          );
        })}
      </div>
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {items.map((item) => {
          const row = rows[item.index]!;
          return <Row key={item.key} columns={columns} index={item.index} start={item.start} fleet={fleet} row={row} fresh={fresh.get(fleet.mrid[row]!)} scale={scale} now={now} />;
        })}
      </div>
    </div>
  );
}
