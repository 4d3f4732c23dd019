// Two XML messages, line by line after pretty-printing: white space and the order of attributes
// on the wire make no difference.
import { diffLines } from "diff";
import { xmlLines } from "@/lib/xml";

export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
}

const CONTEXT = 3;

function pretty(source: string): string {
  const lines = xmlLines(source);
  if (lines === null) return source;
  return lines.map((line) => "  ".repeat(line.depth) + line.text).join("\n") + "\n";
}

/** Lines of the second message against the first; long stretches without a change are cut. */
export function compareXml(before: string, after: string): DiffLine[] {
  const lines = diffLines(pretty(before), pretty(after)).flatMap((part) => {
    const kind = part.added ? "added" : part.removed ? "removed" : "same";
    return part.value.replace(/\n$/, "").split("\n").map((text): DiffLine => ({ kind, text }));
  });
  return cut(lines);
}

function cut(lines: DiffLine[]): DiffLine[] {
  const near = (k: number): boolean => lines.slice(Math.max(0, k - CONTEXT), k + CONTEXT + 1).some((line) => line.kind !== "same");
  const shown: DiffLine[] = [];
  let hidden = 0;
  lines.forEach((line, k) => {
    if (near(k)) {
      if (hidden > 0) shown.push({ kind: "same", text: `… ${hidden} equal lines` });
      hidden = 0;
      shown.push(line);
    } else hidden += 1;
  });
  if (hidden > 0) shown.push({ kind: "same", text: `… ${hidden} equal lines` });
  return shown;
}
