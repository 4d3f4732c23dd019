import { choice, flag, text, type Raw } from "@/lib/search";

export const DEVICE_TABS = ["live", "nameplate", "control", "comms", "changes"] as const;
export type DeviceTab = (typeof DEVICE_TABS)[number];

export interface DevicesSearch {
  q?: string;
  kind?: string;
  feeder?: string;
  link?: string;
  lifecycle?: string;
  eligible?: "yes" | "no";
  sort?: string;
  down?: true;
}

export const devicesSearch = (raw: Raw): DevicesSearch => ({
  q: text(raw, "q"),
  kind: text(raw, "kind"),
  feeder: text(raw, "feeder"),
  link: text(raw, "link"),
  lifecycle: text(raw, "lifecycle"),
  eligible: choice(raw, "eligible", ["yes", "no"]),
  sort: text(raw, "sort"),
  down: flag(raw, "down"),
});

export const deviceSearch = (raw: Raw): { tab: DeviceTab } => ({
  tab: choice(raw, "tab", DEVICE_TABS) ?? "live",
});
