import { choice, type Raw } from "@/lib/search";

export const CONTROL_VIEWS = ["awaiting", "open", "all"] as const;
export type ControlView = (typeof CONTROL_VIEWS)[number];

export const controlsSearch = (raw: Raw): { view?: ControlView } => ({
  view: choice(raw, "view", CONTROL_VIEWS),
});
