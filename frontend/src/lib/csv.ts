// Tables as CSV for spreadsheets (RFC 4180).
export type Cell = string | number | null | undefined;

// What a spreadsheet would run as a formula gets a quote in front, as the server's exports do.
const FORMULA = /^'*[=+@\t\r-]/;

function cellOf(value: Cell): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(head: readonly string[], rows: Iterable<readonly Cell[]>): string {
  const lines = [head.join()];
  for (const row of rows) lines.push(row.map(cellOf).join());
  return `${lines.join("\r\n")}\r\n`;
}

/** Let the browser save a text under a name. */
export function saveText(text: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
