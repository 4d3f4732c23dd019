import { expect, it } from "vitest";
import { fleetOf } from "@/api/fleet";
import { rowsOf, tableOf } from "./list";

const KINDS = ["pv", "battery", "ev_charger", "load"];

function fleetOfSize(size: number) {
  const cells = <T,>(make: (row: number) => T): T[] => Array.from({ length: size }, (_, row) => make(row));
  return fleetOf({
    at: "2026-11-21T00:00:00Z",
    count: size,
    columns: {
      mrid: cells((row) => `m${row}`),
      name: cells((row) => `DER-${(row * 7919) % size}`),
      kind: cells((row) => KINDS[row % 4]!),
      feeder: cells((row) => `F${row % 20}`),
      lifecycle: cells(() => "registered"),
      eligible: cells((row) => row % 3 !== 0),
      link: cells((row) => (row % 50 === 0 ? "down" : "up")),
      rated_w: cells((row) => 1000 + (row % 97)),
      p_w: cells((row) => ((row * 31) % 200) - 100),
      q_var: cells(() => 0),
      soc_pct: cells((row) => (row % 4 === 1 ? 50 : null)),
      measured_at: cells((row) => row),
      quality: cells(() => 0),
    },
  });
}

it("combines filters and sorts what is left", () => {
  const fleet = fleetOfSize(1000);
  const rows = [...rowsOf(fleet, { kind: "pv,battery", eligible: "yes", q: "der-1", sort: "name" })];
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    expect(["pv", "battery"]).toContain(fleet.kind.at(row));
    expect(fleet.eligible[row]).toBe(1);
  }
  const names = rows.map((row) => fleet.name.at(row));
  expect(names).toEqual([...names].sort((a, b) => Number(a.slice(4)) - Number(b.slice(4))));
});

it("shows the freshest value first when sorted by age", () => {
  const rows = rowsOf(fleetOfSize(100), { sort: "age" });
  expect(rows[0]).toBe(99);
});

it("exports the rows on screen, such as those that do not answer", () => {
  const fleet = fleetOfSize(100);
  const lines = tableOf(fleet, rowsOf(fleet, { link: "down" })).trimEnd().split("\r\n");
  expect(lines).toEqual([
    "mrid,name,kind,feeder,lifecycle_state,eligible,link,rated_w,active_power_w,reactive_power_var,soc_pct,measured_at",
    "m0,DER-0,pv,F0,registered,false,down,1000,-100,0,,1970-01-01T00:00:00.000Z",
    "m50,DER-50,ev_charger,F10,registered,true,down,1050,50,0,,1970-01-01T00:00:50.000Z",
  ]);
});

it("sorts and filters 100,000 devices near the floor of a plain sort of as many numbers", () => {
  const fleet = fleetOfSize(100_000);
  const best = (work: () => unknown): number => {
    const runs = Array.from({ length: 5 }, () => {
      const start = performance.now();
      work();
      return performance.now() - start;
    });
    return Math.min(...runs);
  };
  rowsOf(fleet, { sort: "name", q: "9" });
  const floor = best(() => Float64Array.from(fleet.ratedW, (w, row) => (w * 7919 + row * 31) % 9973).sort());
  expect(best(() => rowsOf(fleet, { sort: "p", down: true })) / floor).toBeLessThan(12);
  expect(best(() => rowsOf(fleet, { q: "77" })) / floor).toBeLessThan(12);
});
