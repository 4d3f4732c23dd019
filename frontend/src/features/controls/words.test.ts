import { describe, expect, it } from "vitest";
import type { Control } from "@/api/types";
import { isCancellable, progressText, sizeText, titleOf } from "./words";

const control = (fields: Partial<Control>): Control =>
  ({ action: "disconnect", target: "", devices: 3, rated_w: 30_000, phase: 1, done: 0, failed: 0, unknown: 0, state: "executing", ...fields }) as Control;

describe("words of a control", () => {
  it("names what it switches and how much that is", () => {
    expect(titleOf(control({ target: "DG2, DG4" }))).toBe("Disconnect DG2, DG4");
    expect(sizeText(control({ devices: 1 }))).toContain("1 device, 30");
    expect(sizeText(control({}))).toContain("3 devices, 30");
  });

  it("says what is known of the devices", () => {
    expect(progressText(control({ phase: 0 }))).toBe("");
    expect(progressText(control({ phase: 0, failed: 3 }))).toBe("not started");
    expect(progressText(control({ done: 2, unknown: 1 }))).toBe("2 done, 1 unknown");
  });

  it("lets nobody cancel what is being carried out", () => {
    expect(isCancellable(control({ state: "awaiting_release" }))).toBe(true);
    expect(isCancellable(control({ state: "executing" }))).toBe(false);
  });
});
