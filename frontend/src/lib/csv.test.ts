import { expect, it } from "vitest";
import { csvOf } from "./csv";

it("quotes what needs it and leaves out what is not known", () => {
  expect(csvOf(["a", "b"], [["x, y", Number.NaN], ['say "no"', 1.5], [null, -2]])).toBe('a,b\r\n"x, y",\r\n"say ""no""",1.5\r\n,-2\r\n');
});

it("lets no spreadsheet run a cell", () => {
  expect(csvOf(["a"], [["=1+1"], ["'-x"], ["plain"]])).toBe("a\r\n'=1+1\r\n''-x\r\nplain\r\n");
});
