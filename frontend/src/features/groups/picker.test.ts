import { expect, it } from "vitest";
import { fleetOf } from "@/api/fleet";
import { NO_RULE, select } from "./MemberPicker";

const fleet = fleetOf({
  at: "2026-11-21T00:00:00Z",
  count: 4,
  columns: {
    mrid: ["m1", "m2", "m3", "m4"],
    name: ["PV-1", "BESS-1", "PV-2", "PV-3"],
    kind: ["pv", "battery", "pv", "pv"],
    feeder: ["F01", "F01", "F02", null],
    lifecycle: ["registered", "registered", "registered", "planned"],
    eligible: [true, true, false, true],
    link: ["up", "up", "down", "unknown"],
    rated_w: [1, 2, 3, 4],
    p_w: [1, null, 3, 4],
    q_var: [0, 0, 0, 0],
    soc_pct: [null, 50, null, null],
    measured_at: [1, 2, 3, 4],
    quality: [0, 0, 0, 0],
  },
});

it("never picks a device that may not be a member", () => {
  expect([...select(fleet, NO_RULE).rows]).toEqual([0, 1]);
  expect([...select(fleet, { ...NO_RULE, onlyEligible: false }).rows]).toEqual([0, 1, 2]);
});

it("combines the conditions and keeps to the limit", () => {
  expect([...select(fleet, { ...NO_RULE, kind: "pv", feeder: "F01" }).rows]).toEqual([0]);
  expect([...select(fleet, { ...NO_RULE, most: "1" }).rows]).toEqual([0]);
});

it("takes pasted mRIDs and names once each and tells the unknown ones", () => {
  const { rows, unknown } = select(fleet, { ...NO_RULE, pasted: "m3\nPV-1, m3; nobody" });
  expect([...rows]).toEqual([2, 0]);
  expect(unknown).toEqual(["nobody"]);
});
