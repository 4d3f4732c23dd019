import { expect, test } from "vitest";
import { compareXml } from "./compare";

test("white space makes no difference", () => {
  expect(compareXml("<a><b>1</b></a>", "<a>\n <b>1</b>\n</a>")).toEqual([{ kind: "same", text: "… 3 equal lines" }]);
});

test("a changed value is one line out and one line in", () => {
  const many = "<c/>".repeat(10);
  const lines = compareXml(`<a>${many}<b>1</b></a>`, `<a>${many}<b>2</b></a>`);
  expect(lines.map((line) => line.kind)).toEqual(["same", "same", "same", "same", "removed", "added", "same"]);
  expect(lines[0]!.text).toBe("… 8 equal lines");
  expect(lines[5]!.text).toBe("  <b>2</b>");
});

test("what is no XML is compared as text", () => {
  expect(compareXml("<broken", "<broken x").map((line) => line.kind)).toEqual(["removed", "added"]);
});
