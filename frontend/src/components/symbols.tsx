// States as symbol and word, never as colour alone. Green is not used for "normal".
import type { ReactNode } from "react";
import type { Group } from "@/api/types";

const SHAPES = ["", "\u25a0", "\u25b2", "\u25c6", "\u25cf"];
export const PRIORITY_NAMES = ["", "critical", "high", "medium", "low"];

export function PriorityChip({ priority, children }: { priority: number; children?: ReactNode }): ReactNode {
  return (
    <span className={`chip p${priority}`} title={`Priority ${priority}, ${PRIORITY_NAMES[priority]}`}>
      <span aria-hidden="true">{SHAPES[priority]}</span>
      <span className="sr-only">Priority {PRIORITY_NAMES[priority]} </span>
      {children ?? priority}
    </span>
  );
}

const KINDS: Record<string, string> = {
  pv: "PV",
  battery: "Battery",
  ev_charger: "EV charger",
  load: "Load",
  genset: "Genset",
  wind: "Wind",
  other: "Other",
};
export const KIND_NAMES = KINDS;

export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

const LINKS: Record<string, readonly [string, string]> = {
  up: ["\u25cf", "up"],
  degraded: ["\u25d0", "degraded"],
  down: ["\u25cb", "down"],
  unknown: ["?", "unknown"],
};

export function linkText(state: string | null | undefined): string {
  const [symbol, word] = LINKS[state ?? "unknown"] ?? ["?", state ?? "unknown"];
  return `${symbol} ${word}`;
}

export const LIFECYCLES = ["planned", "registered", "suspended", "retired"];

const TRACKING: Record<string, string> = {
  ramping: "ramping",
  tracking: "tracking",
  shortfall: "\u25b2 shortfall",
  overshoot: "\u25b2 overshoot",
};

/** `active, shortfall`: what the DERMS does and, apart from it, what was measured. */
export function DispatchState({ state, tracking }: { state: string; tracking: string }): ReactNode {
  const follows = state === "active" ? TRACKING[tracking] : undefined;
  const isBad = tracking === "shortfall" || tracking === "overshoot" || state === "failed" || state === "refused";
  return (
    <span className={isBad ? "strong nowrap" : "nowrap"}>
      {state}
      {follows && ` · ${follows}`}
    </span>
  );
}

export type DerFunction = keyof Group["functions"];

const FUNCTION_NAMES: Record<DerFunction, string> = {
  connectDisconnect: "Connect / disconnect",
  frequencyWattCurveFunction: "Frequency-watt curve",
  maxRealPowerLimiting: "Maximum real power",
  rampRateControl: "Ramp rate",
  reactivePowerDispatch: "Reactive power dispatch",
  realPowerDispatch: "Real power dispatch",
  voltageRegulation: "Voltage regulation",
  voltVarCurveFunction: "Volt-var curve",
  voltWattCurveFunction: "Volt-watt curve",
};
export const DER_FUNCTIONS = Object.keys(FUNCTION_NAMES) as DerFunction[];

export function functionName(name: DerFunction): string {
  return FUNCTION_NAMES[name];
}
