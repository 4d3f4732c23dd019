import { describe, expect, it } from "vitest";
import { direction, inWords, number, parseNumber, quantity, scaleOf } from "./quantities";

describe("quantity", () => {
  it("chooses the unit by size and keeps it for a column", () => {
    expect(quantity(12_345_678, "W")).toBe("12.3\u00a0MW");
    expect(quantity(500, "W")).toBe("0.50\u00a0kW");
    expect(quantity(500, "W", { scale: scaleOf(2e6, "W") })).toBe("0.00\u00a0MW");
    expect(quantity(59.987, "Hz")).toBe("59.99\u00a0Hz");
  });

  it("shows a dash for a value nobody measured, never a zero", () => {
    expect(quantity(null, "W")).toBe("\u2014");
    expect(quantity(Number.NaN, "W")).toBe("\u2014");
  });

  it("uses a true minus and no negative zero", () => {
    expect(number(-3.4, 1)).toBe("\u22123.4");
    expect(number(-0.04, 1)).toBe("0.0");
  });
});

describe("sign in words", () => {
  it("says export for injection and import for absorption", () => {
    expect(inWords(-12e6, "activePower")).toBe("import 12.0\u00a0MW");
    expect(inWords(4.1e6, "activePower")).toBe("export 4.10\u00a0MW");
    expect(direction(-1, "reactivePower")).toBe("absorb vars");
  });
});

describe("parseNumber", () => {
  it.each([
    ["1,5", 1.5],
    ["\u22124.0", -4],
    ["12 000", 12000],
    [" +3 ", 3],
    [".5", 0.5],
  ])("reads %s", (text, value) => expect(parseNumber(text)).toBe(value));

  it.each(["", "abc", "1.2.3", "1e9", "--1", "NaN"])("refuses %s", (text) =>
    expect(parseNumber(text)).toBeNull(),
  );
});
