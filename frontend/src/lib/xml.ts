// XML as lines that can be folded. Always shown as text, never as HTML; the browser's parser
// loads no external entity.

export interface XmlLine {
  depth: number;
  text: string;
  /** Number of lines inside this element when it can be folded. */
  inside: number;
}

const NAMED: Record<string, string> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;" };

function escape(text: string): string {
  return text.replace(/[<>&"]/g, (char) => NAMED[char]!);
}

function opening(element: Element): string {
  const attributes = [...element.attributes].map((a) => ` ${a.name}="${escape(a.value)}"`);
  return `<${element.tagName}${attributes.join("")}`;
}

function write(element: Element, depth: number, lines: XmlLine[]): void {
  const children = [...element.children];
  const text = children.length === 0 ? (element.textContent ?? "").trim() : "";
  if (children.length === 0) {
    const body = text === "" ? "/>" : `>${escape(text)}</${element.tagName}>`;
    lines.push({ depth, text: opening(element) + body, inside: 0 });
    return;
  }
  const head: XmlLine = { depth, text: `${opening(element)}>`, inside: 0 };
  lines.push(head);
  const start = lines.length;
  for (const child of children) write(child, depth + 1, lines);
  head.inside = lines.length - start + 1;
  lines.push({ depth, text: `</${element.tagName}>`, inside: 0 });
}

/** Pretty lines of a document, or null when it is not well-formed. */
export function xmlLines(source: string): XmlLine[] | null {
  if (source.trim() === "") return null;
  const document = new DOMParser().parseFromString(source, "application/xml");
  if (document.querySelector("parsererror") || !document.documentElement) return null;
  const lines: XmlLine[] = [];
  write(document.documentElement, 0, lines);
  return lines;
}

/** Indices of the lines to show when the given head lines are folded. */
export function visibleLines(lines: readonly XmlLine[], folded: ReadonlySet<number>): number[] {
  const shown: number[] = [];
  for (let k = 0; k < lines.length; k++) {
    shown.push(k);
    if (folded.has(k)) k += lines[k]!.inside;
  }
  return shown;
}
