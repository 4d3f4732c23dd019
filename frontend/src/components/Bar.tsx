import type { ReactNode } from "react";

interface BarProps {
  label: string;
  min: number;
  max: number;
  now: number | null;
  /** The part that can be reached, inside [min, max]. */
  low?: number | null;
  high?: number | null;
  target?: number | null;
  stale?: boolean;
}

const WIDTH = 400;
const HEIGHT = 18;

/** Moving analogue bar: range, reachable part, zero, now as a filled bar, target as a mark. */
export function Bar({ label, min, max, now, low, high, target, stale }: BarProps): ReactNode {
  const size = max - min;
  if (!(size > 0)) return <svg className="bar" role="img" aria-label={`${label}: no range`} />;
  const x = (value: number): number =>
    Math.max(0, Math.min(WIDTH, ((value - min) / size) * WIDTH));
  const zero = x(Math.min(Math.max(0, min), max));
  return (
    <svg
      className="bar"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <rect x="0.5" y="4.5" width={WIDTH - 1} height="9" fill="var(--bg2)" stroke="var(--bd)" strokeWidth="1" vectorEffect="non-scaling-stroke" />
      {low != null && high != null && (
        <rect x={x(low)} y="5" width={Math.max(1, x(high) - x(low))} height="8" fill="var(--fcband)" />
      )}
      {now !== null && (
        <rect
          x={Math.min(zero, x(now))}
          y="6.5"
          width={Math.max(2, Math.abs(x(now) - zero))}
          height="5"
          fill={stale ? "var(--stale)" : "var(--proc)"}
        />
      )}
      <line x1={zero} x2={zero} y1="2" y2="16" stroke="var(--tx2)" strokeWidth="1" vectorEffect="non-scaling-stroke" />
      {target != null && (
        <line x1={x(target)} x2={x(target)} y1="0" y2="18" stroke="var(--accent)" strokeWidth="3" vectorEffect="non-scaling-stroke" />
      )}
    </svg>
  );
}
