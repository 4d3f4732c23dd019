import type { ReactNode } from "react";
import type { Latest } from "@/api/types";
import { useNow } from "@/live/clock";
import { quantity, type Base, type QuantityOptions } from "@/lib/quantities";
import { dateTime, instant, span, type Instant } from "@/lib/time";

type QualityName = Latest["quality"];

const QUALITY: Record<string, { letter: string; text: string }> = {
  estimated: { letter: "E", text: "estimated" },
  substituted: { letter: "M", text: "substituted by hand" },
  questionable: { letter: "?", text: "questionable" },
  simulated: { letter: "S", text: "simulated" },
  lost: { letter: "L", text: "lost" },
};
const QUALITY_NAMES: readonly QualityName[] = ["good", "estimated", "substituted", "questionable", "simulated", "lost"];

export function qualityName(quality: string | number | null | undefined): QualityName {
  if (quality == null) return "lost";
  return typeof quality === "number" ? (QUALITY_NAMES[quality] ?? "questionable") : (QUALITY_NAMES.find((name) => name === quality) ?? "questionable");
}

export function Quality({ of }: { of: string | number | null | undefined }): ReactNode {
  const known = QUALITY[qualityName(of)];
  if (!known) return null;
  return (
    <abbr className="quality" title={`Quality: ${known.text}`}>
      {known.letter}
    </abbr>
  );
}

interface ValueProps extends QuantityOptions {
  of: number | null | undefined;
  base: Base;
  quality?: string | number | null;
  /** Older than its expected period: never drawn as good. */
  stale?: boolean;
  lost?: boolean;
}

/** One measured value: number, unit, quality; stale values carry a tilde and lose their ink. */
export function Value({ of, base, quality, stale, lost, ...options }: ValueProps): ReactNode {
  const state = lost ? " value-stale value-lost" : stale ? " value-stale" : "";
  return (
    <span className={`value${state}`}>
      {stale && of != null ? "~" : ""}
      {quantity(of, base, options)}
      {quality !== undefined && of != null && <Quality of={quality} />}
    </span>
  );
}

/** How old a value is, counted on the server's clock. */
export function Age({ at, after = "" }: { at: Instant | null | undefined; after?: string }): ReactNode {
  const now = useNow();
  if (at == null) return <span className="hint">never</span>;
  return (
    <time dateTime={new Date(instant(at)).toISOString()} title={dateTime(at)} className="nowrap">
      {span(now - instant(at))}
      {after}
    </time>
  );
}
