// What an API client is granted: drafts of one grant, and what all of them come to in one sentence.
// The nouns, verbs and rule are those of derms/accounts/rules/grants.py.
import type { Grant } from "@/api/types";
import { count } from "@/lib/quantities";

export const NOUNS: Record<string, readonly string[]> = {
  DERGroups: ["get", "create", "change", "delete", "created", "changed", "deleted"],
  DERGroupStatuses: ["get", "changed"],
  DERGroupForecasts: ["get", "created"],
  DERGroupDispatches: ["get", "create", "cancel"],
  EndDeviceControls: ["get", "create", "cancel"],
  EndDeviceEvents: ["get", "created"],
  MeterReadings: ["get", "created"],
  EndDevices: ["get"],
};
const OF_DEVICES = ["EndDevices get", "EndDeviceEvents created", "MeterReadings created"];
export const NO_GRANT: Grant = { nouns: [], verbs: [], groups: [] };

/** The verbs there are of these nouns; of none means of all. */
export function verbsOf(nouns: readonly string[]): string[] {
  const all = nouns.length > 0 ? nouns : Object.keys(NOUNS);
  return [...new Set(all.flatMap((noun) => NOUNS[noun] ?? []))];
}

/** A grant with other nouns keeps of its verbs those that still fit. */
export function withNouns(grant: Grant, nouns: string[]): Grant {
  const fitting = verbsOf(nouns);
  return { ...grant, nouns, verbs: grant.verbs.filter((verb) => fitting.includes(verb)) };
}

/** Why a grant cannot be taken; empty when it can. */
export function problemOf({ nouns, verbs, groups }: Grant): string {
  const wanted = (nouns.length > 0 ? nouns : Object.keys(NOUNS)).flatMap((noun) => (NOUNS[noun] ?? []).filter((verb) => verbs.length === 0 || verbs.includes(verb)).map((verb) => `${noun} ${verb}`));
  if (wanted.length === 0) return "This allows nothing";
  if (groups.length > 0 && wanted.every((deed) => OF_DEVICES.includes(deed))) return "This is about devices and cannot be limited to groups";
  return "";
}

/** Groups on which a deed is granted; null = all, an empty set = none. */
export function scopeOf(grants: readonly Grant[], noun: string, verb: string): ReadonlySet<string> | null {
  if (grants.length === 0) return null;
  const found = grants.filter((grant) => has(grant.nouns, noun) && has(grant.verbs, verb));
  if (found.some((grant) => grant.groups.length === 0)) return null;
  if (OF_DEVICES.includes(`${noun} ${verb}`)) return new Set();
  return new Set(found.flatMap((grant) => grant.groups));
}

const has = (part: readonly string[], wanted: string): boolean => part.length === 0 || part.includes(wanted);

interface Area {
  say: string;
  deeds: readonly (readonly [noun: string, verb: string])[];
  roles: readonly string[];
  /** Not about groups. */
  ofDevices?: boolean;
}

const BOTH = ["dms", "aggregator"];
const DMS = ["dms"];
const AREAS: readonly Area[] = [
  { say: "query", deeds: [["DERGroups", "get"], ["DERGroupStatuses", "get"], ["DERGroupForecasts", "get"], ["MeterReadings", "get"]], roles: BOTH },
  { say: "dispatch", deeds: [["DERGroupDispatches", "create"]], roles: DMS },
  { say: "connect and disconnect", deeds: [["EndDeviceControls", "create"]], roles: DMS },
  { say: "change the definition of", deeds: [["DERGroups", "create"], ["DERGroups", "change"], ["DERGroups", "delete"]], roles: DMS },
  { say: "tell of its own groups", deeds: [["DERGroups", "created"], ["DERGroups", "changed"], ["DERGroups", "deleted"], ["DERGroupStatuses", "changed"], ["DERGroupForecasts", "created"]], roles: BOTH },
  { say: "read the device register", deeds: [["EndDevices", "get"]], roles: BOTH, ofDevices: true },
  { say: "send readings and events of devices", deeds: [["MeterReadings", "created"], ["EndDeviceEvents", "created"]], roles: BOTH, ofDevices: true },
];

const groups = (n: number): string => `${count(n)} ${n === 1 ? "group" : "groups"}`;

function clause(grants: readonly Grant[], { say, deeds, ofDevices }: Area): string {
  const scopes = deeds.map(([noun, verb]) => scopeOf(grants, noun, verb));
  const sizes = scopes.map((scope) => (scope === null ? "all" : [...scope].sort().join(" ")));
  const isTelling = say.startsWith("tell");
  const of = (what: string): string => (ofDevices || (isTelling && what === "all groups") ? say : isTelling ? `${say}, ${what} of them` : `${say} ${what}`);
  if (scopes.every((scope) => scope === null)) return `may ${of("all groups")}`;
  if (scopes.every((scope) => scope !== null && scope.size === 0)) return `may not ${ofDevices || isTelling ? say : `${say} any group`}`;
  if (scopes.some((scope) => scope === null)) return `may ${of("all groups")} in part`;
  const union = new Set(scopes.flatMap((scope) => [...(scope ?? [])]));
  return `may ${of(groups(union.size))}${new Set(sizes).size > 1 ? " in part" : ""}`;
}

/** "May query all groups; may dispatch 2 groups; may not change the definition of any group." */
export function sentence(grants: readonly Grant[], roles: readonly string[]): string {
  const parts = AREAS.filter((area) => area.roles.some((role) => roles.includes(role))).map((area) => clause(grants, area));
  if (parts.length === 0) return "Its roles allow nothing.";
  const text = `${parts.join("; ")}.`;
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function partText(part: readonly string[], all: string): string {
  return part.length === 0 ? all : part.join(", ");
}
