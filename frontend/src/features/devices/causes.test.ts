import { describe, expect, it } from "vitest";
import { originsOf } from "./causes";

describe("originsOf", () => {
  it("names each origin once, in an order of its own", () => {
    const commands = ["b", "a", "b"].map((origin) => ({ origin }));
    expect(originsOf(commands)).toEqual(["a", "b"]);
  });

  it("names the newest hundred at most", () => {
    const commands = Array.from({ length: 150 }, (_, k) => ({ origin: `o${k}` }));
    expect(originsOf(commands)).toHaveLength(100);
    expect(originsOf(commands)).not.toContain("o100");
  });
});
