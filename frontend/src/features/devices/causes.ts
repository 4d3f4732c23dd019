// What device commands were sent for: the dispatches and controls behind their origins.
import { useQuery } from "@tanstack/react-query";
import { get, query } from "@/api/client";
import { useMay } from "@/api/me";
import type { Control, DeviceCommand, Dispatch, Page } from "@/api/types";

export interface Cause {
  kind: "dispatch" | "control";
  mrid: string;
  title: string;
}

// As many as one answer of the server may name; older commands keep their origin as text.
const MOST = 100;

/** Origins of the newest commands, each once, in an order that stays the same. */
export function originsOf(commands: readonly Pick<DeviceCommand, "origin">[]): string[] {
  return [...new Set(commands.map((command) => command.origin))].slice(0, MOST).sort();
}

const dispatchTitle = (d: Dispatch): string => `Dispatch ${d.name || d.parameter} of ${d.group_name}`;
const controlTitle = (c: Control): string => `${c.action === "connect" ? "Connect" : "Disconnect"} ${c.target}`;

function useRows<T>(path: string, origins: readonly string[], may: boolean): readonly T[] {
  const params = { origin: origins.join(), page_size: MOST };
  const found = useQuery({
    queryKey: [path, params],
    queryFn: ({ signal }) => get<Page<T>>(path + query(params), signal),
    enabled: may && origins.length > 0,
    placeholderData: (before) => before,
  });
  return found.data?.results ?? [];
}

/** The dispatch or control behind each origin, as far as the person may see them. */
export function useCauses(commands: readonly DeviceCommand[]): ReadonlyMap<string, Cause> {
  const origins = originsOf(commands);
  const dispatches = useRows<Dispatch>("dispatches", origins, useMay("dispatches.read"));
  const controls = useRows<Control>("controls", origins, useMay("controls.read"));
  return new Map<string, Cause>([
    ...dispatches.map((d) => [d.journal_key, { kind: "dispatch", mrid: d.mrid, title: dispatchTitle(d) }] as const),
    ...controls.map((c) => [c.journal_key, { kind: "control", mrid: c.mrid, title: controlTitle(c) }] as const),
  ]);
}
