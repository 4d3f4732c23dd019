import { useRef, useState, type KeyboardEvent, type ReactNode } from "react";

export interface Column<R> {
  key: string;
  head: ReactNode;
  cell: (row: R) => ReactNode;
  num?: boolean;
  /** Long text that may take several lines. */
  wrap?: boolean;
  /** Value to sort by; a column without it cannot be sorted. */
  sort?: (row: R) => string | number | null | undefined;
}

interface TableProps<R> {
  label: string;
  rows: readonly R[];
  columns: readonly Column<R>[];
  rowKey: (row: R) => string;
  onOpen?: (row: R) => void;
  selected?: string | undefined;
  checked?: ReadonlySet<string>;
  onCheck?: (keys: ReadonlySet<string>) => void;
  dimmed?: (row: R) => boolean;
}

type Order = { key: string; down: boolean } | null;

function ordered<R>(rows: readonly R[], columns: readonly Column<R>[], order: Order): readonly R[] {
  const sort = order && columns.find((column) => column.key === order.key)?.sort;
  if (!order || !sort) return rows;
  const sign = order.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const x = sort(a) ?? null;
    const y = sort(b) ?? null;
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y), "en", { numeric: true });
  });
}

function focusRow(current: HTMLElement, step: number): void {
  const row = current.closest("tr");
  const next = step > 0 ? row?.nextElementSibling : row?.previousElementSibling;
  if (next instanceof HTMLElement) next.focus();
}

/** A list that fits on a page or comes in cursor pages. Arrows or j/k move, Enter opens. */
export function DataTable<R>(props: TableProps<R>): ReactNode {
  const { label, rows, columns, rowKey, onOpen, selected, checked, onCheck, dimmed } = props;
  const [order, setOrder] = useState<Order>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const shown = ordered(rows, columns, order);

  function toggle(key: string): void {
    const next = new Set(checked);
    if (!next.delete(key)) next.add(key);
    onCheck?.(next);
  }

  function onKey(event: KeyboardEvent<HTMLTableRowElement>, row: R): void {
    if (event.target !== event.currentTarget) return;
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (step) focusRow(event.currentTarget, step);
    else if (event.key === "Enter" && onOpen) onOpen(row);
    else if (event.key === " " && onCheck) toggle(rowKey(row));
    else return;
    event.preventDefault();
  }

  return (
    <div className="table-box" tabIndex={-1}>
      <table className="data" aria-label={label}>
        <thead>
          <tr>
            {onCheck && (
              <th className="narrow">
                <input
                  type="checkbox"
                  aria-label="Select all shown"
                  checked={rows.length > 0 && rows.every((row) => checked?.has(rowKey(row)))}
                  onChange={(e) => onCheck(new Set(e.target.checked ? rows.map(rowKey) : []))}
                />
              </th>
            )}
            {columns.map((column) => (
              <HeadCell key={column.key} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {shown.map((row, k) => {
            const key = rowKey(row);
            return (
              <tr
                key={key}
                tabIndex={k === 0 ? 0 : -1}
                className={`${selected === key ? "selected" : ""}${dimmed?.(row) ? " off" : ""}`}
                onKeyDown={(event) => onKey(event, row)}
                onDoubleClick={onOpen && (() => onOpen(row))}
              >
                {onCheck && (
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`Select row ${k + 1}`}
                      checked={checked?.has(key) ?? false}
                      onChange={() => toggle(key)}
                    />
                  </td>
                )}
                {columns.map((column) => (
                  <td key={column.key} className={column.num ? "num" : column.wrap ? "wrap" : undefined}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface HeadProps<R> {
  column: Column<R>;
  order: Order;
  onOrder: (order: Order) => void;
}

function HeadCell<R>({ column, order, onOrder }: HeadProps<R>): ReactNode {
  const mine = order?.key === column.key ? order : null;
  const direction = mine ? (mine.down ? "descending" : "ascending") : undefined;
  return (
    <th className={column.num ? "num" : undefined} aria-sort={direction} scope="col">
      {column.sort ? (
        <button
          type="button"
          className="sort"
          onClick={() => onOrder(mine?.down ? null : { key: column.key, down: mine !== null })}
        >
          {column.head}
          {mine && (mine.down ? " \u25bc" : " \u25b2")}
        </button>
      ) : (
        column.head
      )}
    </th>
  );
}

interface MoreProps {
  shown: number;
  hasMore: boolean;
  busy: boolean;
  onMore: () => void;
  what: string;
}

export function More({ shown, hasMore, busy, onMore, what }: MoreProps): ReactNode {
  return (
    <div className="row dim small">
      <span role="status">
        {shown.toLocaleString("en-GB")} {what} shown{hasMore ? ", there are more" : ""}
      </span>
      {hasMore && (
        <button type="button" className="btn" disabled={busy} onClick={onMore}>
          {busy ? "Loading" : "Load more"}
        </button>
      )}
    </div>
  );
}
