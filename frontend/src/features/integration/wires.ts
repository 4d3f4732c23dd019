// Counts of links by protocol and state, as one row for each protocol.
import type { Integration } from "@/api/types";

type State = Integration["links"][number]["state"];

export interface Wires extends Record<State, number> {
  protocol: string;
  total: number;
}

export function byProtocol(links: Integration["links"]): Wires[] {
  const found = new Map<string, Wires>();
  for (const { protocol, state, devices } of links) {
    const one = found.get(protocol) ?? { protocol, total: 0, up: 0, degraded: 0, down: 0, unknown: 0 };
    one[state] += devices;
    one.total += devices;
    found.set(protocol, one);
  }
  return [...found.values()];
}
