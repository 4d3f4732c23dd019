// The only place where units and signs become text. Everything inside is in SI base units,
// positive = injection into the grid.

export type Base = "W" | "var" | "VA" | "Wh" | "V" | "Hz" | "A" | "%";

export interface Scale {
  unit: string;
  divisor: number;
  decimals: number;
}

const MINUS = "\u2212";
export const NO_VALUE = "\u2014";

const PREFIXES: ReadonlyArray<readonly [number, string]> = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

const SCALED: ReadonlySet<Base> = new Set(["W", "var", "VA", "Wh"]);

function scaled(unit: string, divisor: number, largest: number): Scale {
  return { unit, divisor, decimals: decimalsFor(largest / divisor) };
}

/** One scale for a column, a chart or a bar, so that k and M are never mixed inside it. */
export function scaleOf(largest: number, base: Base): Scale {
  if (SCALED.has(base)) {
    for (const [divisor, prefix] of PREFIXES) {
      if (Math.abs(largest) >= divisor) return scaled(prefix + base, divisor, largest);
    }
    // A column of zeros still reads in kilo: a fleet is never thought of in watts.
    return scaled(`k${base}`, 1e3, largest);
  }
  return scaled(base, 1, base === "Hz" ? 0 : largest);
}

/** Decimals that keep about three to four digits of the largest value shown. */
export function decimalsFor(largest: number): number {
  const size = Math.abs(largest);
  if (size >= 1000) return 0;
  if (size >= 10) return 1;
  return 2;
}

const formats = new Map<number, Intl.NumberFormat>();

function format(decimals: number): Intl.NumberFormat {
  let found = formats.get(decimals);
  if (!found) {
    found = new Intl.NumberFormat("en-GB", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formats.set(decimals, found);
  }
  return found;
}

/** `value` already in the unit shown; a true minus sign, and no "-0". */
export function number(value: number, decimals = 0): string {
  const text = format(decimals).format(value);
  if (!text.startsWith("-")) return text;
  return /[1-9]/.test(text) ? MINUS + text.slice(1) : text.slice(1);
}

export function count(value: number | null | undefined): string {
  return value == null ? NO_VALUE : number(value);
}

export interface QuantityOptions {
  scale?: Scale;
  decimals?: number;
  unit?: boolean;
  signed?: boolean;
}

function isKnown(value: number | null | undefined): value is number {
  return value != null && Number.isFinite(value);
}

function plus(value: number, signed: boolean): string {
  return signed && value > 0 ? "+" : "";
}

/** Text of one value, with its unit unless a heading already carries it. */
export function quantity(
  value: number | null | undefined,
  base: Base,
  { scale, decimals, unit = true, signed = false }: QuantityOptions = {},
): string {
  if (!isKnown(value)) return NO_VALUE;
  const chosen = scale ?? scaleOf(value, base);
  const text = number(value / chosen.divisor, decimals ?? chosen.decimals);
  return plus(value, signed) + text + (unit ? `\u00a0${chosen.unit}` : "");
}

export type Parameter = "activePower" | "reactivePower";

export function baseOf(parameter: string): Base {
  return parameter === "reactivePower" ? "var" : "W";
}

/** The sign in words, because a wrong sign is the most expensive mistake there is. */
export function direction(value: number, parameter: string): string {
  if (value === 0) return "zero";
  if (parameter === "reactivePower") return value > 0 ? "inject vars" : "absorb vars";
  return value > 0 ? "export" : "import";
}

export function inWords(value: number | null | undefined, parameter: string): string {
  if (value == null) return NO_VALUE;
  const base = baseOf(parameter);
  return value === 0 ? quantity(0, base) : `${direction(value, parameter)} ${quantity(Math.abs(value), base)}`;
}

/** A number as a person types it: decimal comma or point, blanks between groups, any minus. */
export function parseNumber(text: string): number | null {
  const plain = text.trim().replace(/[\u2212\u2013]/g, "-").replace(/[\s\u00a0\u202f]/g, "");
  if (!/^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/.test(plain)) return null;
  return Number(plain.replace(",", "."));
}

const DISPLAY_NAMES: Record<string, readonly [string, Base]> = {
  active_power_w: ["Active power", "W"],
  reactive_power_var: ["Reactive power", "var"],
  voltage_v: ["Voltage", "V"],
  frequency_hz: ["Frequency", "Hz"],
  soc_pct: ["State of charge", "%"],
  energy_available_wh: ["Energy available", "Wh"],
  available_power_w: ["Available power", "W"],
  energy_injected_wh: ["Energy injected", "Wh"],
  energy_absorbed_wh: ["Energy absorbed", "Wh"],
  current_a: ["Current", "A"],
};

export function quantityName(name: string): string {
  return DISPLAY_NAMES[name]?.[0] ?? name;
}

export function quantityBase(name: string): Base {
  return DISPLAY_NAMES[name]?.[1] ?? "W";
}

export const QUANTITY_NAMES = Object.keys(DISPLAY_NAMES);
