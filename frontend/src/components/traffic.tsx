// How messages with one partner go in one direction: shown on Integration health and on Partners.
import type { ReactNode } from "react";
import type { Traffic } from "@/api/types";
import { count, NO_VALUE, number } from "@/lib/quantities";

const BAR = 2.5;
const HEIGHT = 18;

/** Messages of the last hours as bars, the newest on the right; the one not over yet is lighter. */
export function Sparkline({ of, label }: { of: readonly number[]; label: string }): ReactNode {
  const most = Math.max(...of, 1);
  const last = of.length - 1;
  return (
    <svg className="sparkline" width={of.length * BAR} height={HEIGHT} role="img" aria-label={`${label}, at most ${count(Math.max(...of))} in one bar`}>
      <line x1="0" x2={of.length * BAR} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--grid)" />
      {of.map((messages, k) => {
        const height = messages === 0 ? 0 : Math.max(2, (messages / most) * (HEIGHT - 1));
        return <rect key={k} x={k * BAR} y={HEIGHT - height} width={BAR - 1} height={height} fill={k === last ? "var(--fcband)" : "var(--proc)"} />;
      })}
    </svg>
  );
}

/** `2.4`, `120`: messages a minute. */
export function rate(perMinute: number): string {
  return number(perMinute, perMinute > 0 && perMinute < 10 ? 1 : 0);
}

/** `3 (0.4 %)`: how many went wrong, and which share of all that is. */
export function failures(of: Traffic): string {
  if (of.failed === 0) return "0";
  const share = (100 * of.failed) / of.messages;
  return `${count(of.failed)} (${share < 0.1 ? "<0.1" : number(share, share < 10 ? 1 : 0)}\u00a0%)`;
}

export function milliseconds(value: number | null): string {
  return value == null ? NO_VALUE : number(value, value < 10 ? 1 : 0);
}
