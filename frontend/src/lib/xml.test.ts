import { expect, it } from "vitest";
import { visibleLines, xmlLines } from "./xml";

const SOURCE = '<a x="1&quot;"><b>t &lt; u</b><c><d/></c></a>';

it("writes one element a line, escaped, with its depth", () => {
  const lines = xmlLines(SOURCE)!;
  expect(lines.map((line) => "  ".repeat(line.depth) + line.text)).toEqual([
    '<a x="1&quot;">',
    "  <b>t &lt; u</b>",
    "  <c>",
    "    <d/>",
    "  </c>",
    "</a>",
  ]);
});

it("folds an element with everything inside it", () => {
  const lines = xmlLines(SOURCE)!;
  expect(visibleLines(lines, new Set([2]))).toEqual([0, 1, 2, 5]);
  expect(visibleLines(lines, new Set([0, 2]))).toEqual([0]);
});

it("says when a message is not XML at all", () => {
  expect(xmlLines("")).toBeNull();
});
