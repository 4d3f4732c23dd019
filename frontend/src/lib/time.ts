// Time on screen is in the site's zone, never the browser's. Instants are epoch milliseconds.

let site = "UTC";

export function setSiteZone(zone: string): void {
  site = zone;
}

export function siteZone(): string {
  return site;
}

const cache = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let found = cache.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
    cache.set(key, found);
  }
  return found;
}

const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const MINUTE: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const FIELDS: Intl.DateTimeFormatOptions = {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  ...CLOCK,
};

export type Instant = string | number | Date;

export function instant(value: Instant): number {
  return typeof value === "number" ? value : new Date(value).getTime();
}

type Fields = Record<"year" | "month" | "day" | "hour" | "minute" | "second", number>;

function fields(at: number, zone: string): Fields {
  const found: Partial<Fields> = {};
  for (const { type, value } of formatter(zone, FIELDS).formatToParts(at)) {
    if (type !== "literal") found[type as keyof Fields] = Number(value);
  }
  return found as Fields;
}

/** Milliseconds the zone is ahead of UTC at an instant. */
export function offsetMs(at: number, zone = site): number {
  const f = fields(at, zone);
  const local = Date.UTC(f.year, f.month - 1, f.day, f.hour, f.minute, f.second);
  return local - Math.floor(at / 1000) * 1000;
}

export function clock(value: Instant, zone = site): string {
  return formatter(zone, CLOCK).format(instant(value));
}

export function minute(value: Instant, zone = site): string {
  return formatter(zone, MINUTE).format(instant(value));
}

/** `2026-11-21 17:00:00`, site time. */
export function dateTime(value: Instant | null | undefined, zone = site): string {
  return value == null ? "\u2014" : localText(instant(value), zone).replace("T", " ");
}

/** Time alone for today, else date and time: the shortest text that cannot mislead. */
export function shortTime(value: Instant | null | undefined, now: number, zone = site): string {
  if (value == null) return "\u2014";
  const text = dateTime(value, zone);
  return text.slice(0, 10) === dateTime(now, zone).slice(0, 10) ? text.slice(11) : text.slice(5);
}

export function zoneName(at: number, zone = site): string {
  const parts = formatter(zone, { timeZoneName: "short", hour: "2-digit" }).formatToParts(at);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** `YYYY-MM-DDTHH:MM:SS` as the clocks on site show it; the form of datetime-local inputs. */
export function localText(at: number, zone = site): string {
  return new Date(Math.floor(at / 1000) * 1000 + offsetMs(at, zone)).toISOString().slice(0, 19);
}

export type LocalTime =
  | { kind: "one"; at: number }
  | { kind: "skipped" }
  | { kind: "twice"; first: number; second: number };

/** Instants at which the site's clocks show `text`: none in the spring gap, two in autumn. */
export function fromLocal(text: string, zone = site): LocalTime | null {
  const naive = Date.parse(`${text}Z`);
  if (Number.isNaN(naive)) return null;
  const day = 86_400_000;
  const offsets = new Set([offsetMs(naive - day, zone), offsetMs(naive + day, zone)]);
  const found = [...offsets]
    .map((offset) => naive - offset)
    .filter((at) => at + offsetMs(at, zone) === naive)
    .sort((a, b) => a - b);
  if (found.length === 0) return { kind: "skipped" };
  if (found.length === 1) return { kind: "one", at: found[0]! };
  return { kind: "twice", first: found[0]!, second: found[1]! };
}

/** `3 s`, `4 min`, `2 h`, `5 d`. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d`;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

function stepFor(rangeS: number, most: number): number {
  return STEPS_S.find((step) => rangeS / step <= most) ?? 604_800;
}

function align(fromS: number, stepS: number, offset: number): number {
  return Math.ceil((fromS + offset / 1000) / stepS) * stepS - offset / 1000;
}

/**
 * Round local times between two instants (epoch seconds), for a chart's time axis. The offset
 * is taken anew at each tick, so that a 23 or 25-hour day has its real length.
 */
export function ticks(fromS: number, toS: number, most: number, zone = site): number[] {
  const step = stepFor(toS - fromS, most);
  const found: number[] = [];
  let at = fromS;
  while (found.length <= most + 2) {
    let tick = align(at, step, offsetMs(at * 1000, zone));
    const offset = offsetMs(tick * 1000, zone);
    // The clocks changed on the way and the tick is not round any more: align again.
    if ((tick + offset / 1000) % step !== 0) tick = align(at, step, offset);
    if (tick > toS) break;
    found.push(tick);
    at = tick + 1;
  }
  return found;
}

/** Labels of ticks; the zone's name is added on a day with a clock change. */
export function tickLabels(at: readonly number[], zone = site): string[] {
  const first = at[0];
  const last = at.at(-1);
  if (first === undefined || last === undefined) return [];
  const step = at.length > 1 ? at[1]! - first : 0;
  const changes = offsetMs(first * 1000, zone) !== offsetMs(last * 1000, zone);
  let day = "";
  return at.map((s) => {
    const text = dateTime(s * 1000, zone);
    const isNewDay = text.slice(0, 10) !== day && (day !== "" || text.slice(11) === "00:00:00");
    day = text.slice(0, 10);
    const time = step > 0 && step < 60 ? text.slice(11) : text.slice(11, 16);
    const name = changes ? ` ${zoneName(s * 1000, zone)}` : "";
    return isNewDay ? `${text.slice(5, 10)}\n${time}${name}` : `${time}${name}`;
  });
}
