import { describe, expect, it } from "vitest";
import { bodyOf, draftOf, NEW_DRAFT } from "./draft";

describe("draft of a subscription", () => {
  it("turns kilowatts into watts and empty fields into nothing", () => {
    const body = bodyOf({ ...NEW_DRAFT, kilowatts: "2,5", groups: " a \n\n b" });

    expect(body).toMatchObject({ change_w: 2500, change_pct: null, period_s: null, groups: ["a", "b"], min_interval_s: 1 });
  });

  it("leaves off what does not belong to the noun", () => {
    const full = { ...NEW_DRAFT, kilowatts: "1", percent: "5", period: "60" };

    expect(bodyOf({ ...full, noun: "DERGroups" })).toMatchObject({ change_w: null, change_pct: null, period_s: null });
    expect(bodyOf({ ...full, noun: "DERGroupForecasts" })).toMatchObject({ change_w: null, period_s: 60 });
  });

  it("shows what is stored and gives it back unchanged", () => {
    const stored = { groups: ["a"], change_w: 1500, change_pct: null, on_state: false, min_interval_s: 2, period_s: 60, active: true };
    const subscription = { mrid: "s", noun: "DERGroupStatuses", revision: 3, on_change: true, ...stored };

    expect(bodyOf(draftOf(subscription))).toEqual(stored);
  });
});
