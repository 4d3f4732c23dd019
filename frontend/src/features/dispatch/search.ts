import { choice, text, type Raw } from "@/lib/search";

export const DISPATCH_VIEWS = ["open", "all"] as const;

export const dispatchesSearch = (raw: Raw): { view?: "open" | "all"; q?: string } => ({
  view: choice(raw, "view", DISPATCH_VIEWS),
  q: text(raw, "q"),
});

export const composerSearch = (raw: Raw): { group?: string; copy?: string } => ({
  group: text(raw, "group"),
  copy: text(raw, "copy"),
});
