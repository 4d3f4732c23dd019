import { describe, expect, it } from "vitest";
import { actor, certificate, drift, progress } from "./words";

describe("words of the partner bench", () => {
  it("says how far the clock is off, with its sign", () => {
    expect([drift(null), drift(0.04), drift(-600), drift(1.25)]).toEqual(["–", "+0.0 s", "−600.0 s", "+1.3 s"]);
  });
  it("says how long a certificate lasts", () => {
    expect([certificate(null), certificate(30), certificate(-2)]).toEqual(["no certificate", "30 days left", "ended 2 days ago"]);
  });
  it("counts the steps", () => {
    expect(progress([{ state: "passed" }, { state: "waiting" }])).toBe("1 of 2 passed");
    expect(progress([{ state: "passed" }, { state: "failed" }, { state: "skipped" }])).toBe("1 of 3 passed, 1 failed");
  });
  it("says whose turn it is", () => {
    expect([actor({ kind: "repeat" }), actor({ kind: "tell_again" })]).toEqual(["partner → us", "we → partner"]);
  });
});
