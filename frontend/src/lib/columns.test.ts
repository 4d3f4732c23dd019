import { describe, expect, it } from "vitest";
import { contains, facet, filterRows, numberColumn, oneOf, sortRows, TextColumn } from "./columns";

const SIZE = 5_000;
// A fixed generator, so that a failure can be run again.
let seed = 7;
const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
const names = Array.from({ length: SIZE }, () => `DER-${Math.floor(random() * 900)}`);
const powers = Array.from({ length: SIZE }, () => (random() < 0.1 ? null : Math.round(random() * 50) - 25));
const name = new TextColumn(names);
const power = numberColumn(powers);
const all = (): Uint32Array => filterRows(SIZE, []);

describe("sortRows", () => {
  it("equals the naive stable sort, text and numbers, both ways", () => {
    const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
    for (const down of [false, true]) {
      const sign = down ? -1 : 1;
      const byName = [...all()].sort((a, b) => sign * collator.compare(names[a]!, names[b]!) || a - b);
      expect([...sortRows(all(), name, down)]).toEqual(byName);
      const key = (row: number): number => (powers[row] == null ? Infinity : sign * powers[row]!);
      const byPower = [...all()].sort((a, b) => (key(a) === key(b) ? a - b : key(a) - key(b)));
      expect([...sortRows(all(), power, down)]).toEqual(byPower);
    }
  });

  it("puts unknown values last in both directions", () => {
    for (const down of [false, true]) {
      expect(power[sortRows(all(), power, down).at(-1)!]).toBeNaN();
    }
  });
});

describe("filterRows", () => {
  it("equals the naive filter", () => {
    const rows = filterRows(SIZE, [contains([name], "er-1"), (row) => power[row]! > 0]);
    const naive = names.flatMap((text, row) =>
      text.toLowerCase().includes("er-1") && (powers[row] ?? -1) > 0 ? [row] : [],
    );
    expect([...rows]).toEqual(naive);
  });

  it("keeps the values asked for", () => {
    const rows = filterRows(SIZE, [oneOf(name, ["DER-5"])]);
    expect(rows.length).toBeGreaterThan(0);
    expect([...rows].every((row) => name.at(row) === "DER-5")).toBe(true);
  });
});

it("counts facets of the rows given", () => {
  const column = new TextColumn(["pv", "pv", null, "battery"]);
  expect(facet(column, filterRows(4, []))).toEqual([
    { value: "pv", count: 2 },
    { value: "", count: 1 },
    { value: "battery", count: 1 },
  ]);
});
