// uPlot with the site's time axis, our tokens and a table twin for people who cannot see it.
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { number, quantity, scaleOf, type Base, type Scale } from "@/lib/quantities";
import { dateTime, tickLabels, ticks } from "@/lib/time";

export interface Line {
  label: string;
  xs: readonly number[];
  ys: readonly (number | null)[];
  /** Token that colours it, without the dashes: accent, proc, fc, stale. */
  ink: string;
  width?: number;
  dash?: number[];
  step?: boolean;
  /** Fill between this line and the one at the given index. */
  bandTo?: number;
  hidden?: boolean;
}

interface ChartProps {
  label: string;
  lines: readonly Line[];
  base: Base;
  height?: number;
  /** Instant to mark, usually now [epoch s]. */
  mark?: number | null;
  range?: readonly [number, number] | undefined;
  legend?: boolean;
}

const token = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function largest(lines: readonly Line[]): number {
  let found = 0;
  for (const { ys } of lines) for (const y of ys) if (y !== null) found = Math.max(found, Math.abs(y));
  return found;
}

function joined(lines: readonly Line[]): uPlot.AlignedData {
  const first = lines[0];
  if (!first) return [[]];
  if (lines.every((line) => line.xs === first.xs)) {
    return [first.xs as number[], ...lines.map((line) => line.ys as number[])];
  }
  return uPlot.join(lines.map((line) => [line.xs as number[], line.ys as number[]]));
}

function markPlugin(mark: () => number | null): uPlot.Plugin {
  return {
    hooks: {
      draw: (u) => {
        const at = mark();
        if (at === null) return;
        const x = u.valToPos(at, "x", true);
        if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
        u.ctx.save();
        u.ctx.strokeStyle = token("tx2");
        u.ctx.lineWidth = devicePixelRatio;
        u.ctx.beginPath();
        u.ctx.moveTo(x, u.bbox.top);
        u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
        u.ctx.stroke();
        u.ctx.restore();
      },
    },
  };
}

/** Range of the values with some air; never zero high, so a flat line is in the middle. */
function valueRange(low: number | null, high: number | null): [number, number] {
  const from = Math.min(low ?? 0, 0);
  const to = Math.max(high ?? 0, 0);
  const air = Math.max((to - from) * 0.08, 1);
  return [from === 0 ? from - air * 0.2 : from - air, to === 0 ? to + air * 0.2 : to + air];
}

function options(lines: readonly Line[], scale: Scale, mark: () => number | null, range: () => readonly [number, number] | undefined): uPlot.Options {
  const axis = { stroke: token("tx2"), grid: { stroke: token("grid"), width: 1 }, ticks: { show: false }, font: "11px Inter Variable, DejaVu Sans, sans-serif" };
  return {
    width: 100,
    height: 100,
    padding: [8, 12, 0, 0],
    scales: {
      x: { time: false, range: (_u, low, high) => [...(range() ?? [low, high])] as [number, number] },
      y: { range: (_u, low, high) => valueRange(low, high) },
    },
    cursor: { points: { size: 5 }, drag: { x: false, y: false } },
    axes: [
      {
        ...axis,
        size: 34,
        splits: (u, _i, low, high) => ticks(low, high, Math.max(2, Math.floor(u.width / 90))),
        values: (_u, at) => tickLabels(at),
      },
      { ...axis, size: 56, values: (_u, at) => at.map((y) => number(y / scale.divisor, tickDecimals(at, scale))) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: token(line.ink),
        width: (line.width ?? 1.5),
        points: { show: false },
        ...(line.dash && { dash: line.dash }),
        ...(line.step && { paths: uPlot.paths.stepped!({ align: 1 }) }),
      })),
    ],
    bands: lines.flatMap((line, k) =>
      line.bandTo === undefined ? [] : [{ series: [k + 1, line.bandTo + 1] as [number, number], fill: token("fcband") + "90" }],
    ),
    plugins: [markPlugin(mark)],
  };
}

function tickDecimals(at: readonly number[], scale: Scale): number {
  const step = at.length > 1 ? Math.abs(at[1]! - at[0]!) / scale.divisor : 1;
  return step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
}

export function TimeChart({ label, lines, base, height = 220, mark = null, range, legend = true }: ChartProps): ReactNode {
  const scheme = useComputedColorScheme();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [asTable, setAsTable] = useState(false);
  const [at, setAt] = useState<number | null>(null);
  const scale = useMemo(() => scaleOf(largest(lines), base), [lines, base]);
  const data = useMemo(() => joined(lines), [lines]);
  const latest = useRef({ mark, range });
  // A new chart only when its make-up changes; new values go straight into the old one.
  const shape = JSON.stringify([lines.map(({ label, ink, width, dash, step, bandTo }) => [label, ink, width, dash, step, bandTo]), scale]);

  useEffect(() => {
    latest.current = { mark, range };
    plot.current?.setData(data);
  });

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = options(lines, scale, () => latest.current.mark, () => latest.current.range);
    made.hooks = { setCursor: [(u) => setAt(u.cursor.idx ?? null)] };
    const chart = new uPlot({ ...made, width: Math.max(element.clientWidth, 100), height }, data, element);
    plot.current = chart;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) chart.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
    // `shape` stands for lines and scale.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, scheme, height, asTable]);

  return (
    <div className="stack">
      {asTable ? (
        <ChartTable label={label} lines={lines} data={data} scale={scale} base={base} height={height} />
      ) : (
        <div ref={box} className="chart" role="img" aria-label={label} style={{ minHeight: height }} />
      )}
      <div className="chart-legend">
        {legend && lines.filter((line) => !line.hidden).map((line) => (
          <LegendItem key={line.label} line={line} value={at === null ? undefined : (data[lines.indexOf(line) + 1]?.[at] ?? null)} base={base} scale={scale} />
        ))}
        {at !== null && !asTable && data[0][at] !== undefined && <span>{dateTime(data[0][at] * 1000)}</span>}
        <span className="push">{scale.unit}</span>
        <button type="button" className="sort" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? "as chart" : "as table"}
        </button>
      </div>
    </div>
  );
}

interface LegendProps {
  line: Line;
  value: number | null | undefined;
  base: Base;
  scale: Scale;
}

function LegendItem({ line, value, base, scale }: LegendProps): ReactNode {
  return (
    <span>
      <svg viewBox="0 0 22 8" aria-hidden="true">
        <line x1="0" x2="22" y1="4" y2="4" stroke={`var(--${line.ink})`} strokeWidth={line.width ?? 1.5} strokeDasharray={line.dash?.join(" ")} />
      </svg>
      {line.label}
      {value !== undefined && ` ${quantity(value, base, { scale, unit: false })}`}
    </span>
  );
}

const TABLE_ROWS = 300;

function ChartTable({ label, lines, data, scale, base, height }: { label: string; lines: readonly Line[]; data: uPlot.AlignedData; scale: Scale; base: Base; height: number }): ReactNode {
  const from = Math.max(0, data[0].length - TABLE_ROWS);
  return (
    <div className="table-box" style={{ height }} tabIndex={0} role="region" aria-label={label}>
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map((line) => (
              <th key={line.label} className="num" scope="col">
                {line.label} [{scale.unit}]
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from(data[0].slice(from), (x, k) => (
            <tr key={x}>
              <td>{dateTime(x * 1000)}</td>
              {lines.map((line, column) => (
                <td key={line.label} className="num">
                  {quantity(data[column + 1]?.[from + k] ?? null, base, { scale, unit: false })}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
