// What a control is and how it stands, in words; used by the list and the page of one control.
import type { Control } from "@/api/types";
import { count, quantity } from "@/lib/quantities";

const STATES: Record<Control["state"], string> = {
  awaiting_release: "awaiting release",
  scheduled: "scheduled",
  executing: "executing",
  holding: "holding",
  restoring: "going back",
  completed: "completed",
  partly_failed: "partly failed",
  failed: "failed",
  cancelled: "cancelled",
  rejected: "rejected",
  expired: "expired",
};
const LOUD = new Set<Control["state"]>(["awaiting_release", "partly_failed", "failed", "expired"]);
const CANCELLABLE = new Set<Control["state"]>(["awaiting_release", "scheduled", "holding"]);

export const stateText = (control: Control): string => STATES[control.state];
export const isLoud = (control: Control): boolean => LOUD.has(control.state);
export const isCancellable = (control: Control): boolean => CANCELLABLE.has(control.state);
export const isOver = (control: Control): boolean => control.ended_at !== null;

export function titleOf(control: Control): string {
  return `${control.action === "connect" ? "Connect" : "Disconnect"} ${control.target}`;
}

export function sizeText(control: Pick<Control, "devices" | "rated_w">): string {
  const devices = control.devices === 1 ? "1 device" : `${count(control.devices)} devices`;
  return `${devices}, ${quantity(control.rated_w, "W")}`;
}

/** How many devices of the present phase did it, and what is left to hear of. */
export function progressText(control: Control): string {
  if (control.phase === 0) return control.failed > 0 ? "not started" : "";
  const parts = [`${count(control.done)} done`];
  if (control.failed > 0) parts.push(`${count(control.failed)} failed`);
  if (control.unknown > 0) parts.push(`${count(control.unknown)} unknown`);
  return parts.join(", ");
}
