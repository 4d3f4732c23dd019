import { expect, test } from "vitest";
import { byProtocol } from "./wires";

test("states of one protocol stand in one row", () => {
  const rows = byProtocol([
    { protocol: "sunspec-modbus", state: "up", devices: 7 },
    { protocol: "sunspec-modbus", state: "down", devices: 2 },
    { protocol: "ieee2030.5", state: "unknown", devices: 1 },
  ]);

  expect(rows).toEqual([
    { protocol: "sunspec-modbus", total: 9, up: 7, degraded: 0, down: 2, unknown: 0 },
    { protocol: "ieee2030.5", total: 1, up: 0, degraded: 0, down: 0, unknown: 1 },
  ]);
});
