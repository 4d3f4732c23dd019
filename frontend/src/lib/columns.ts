// A column store for lists of 100,000 rows: typed arrays, dictionaries for text, and an index
// array that filter and sort rewrite. No object per row.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Text as codes into a dictionary; what only sorting or searching needs is made on first use. */
export class TextColumn {
  readonly codes: Uint32Array;
  readonly values: string[] = [];
  #rank: Uint32Array | null = null;
  #lower: string[] | null = null;

  constructor(cells: readonly (string | null)[]) {
    const known = new Map<string, number>();
    this.codes = Uint32Array.from(cells, (cell) => {
      const text = cell ?? "";
      let code = known.get(text);
      if (code === undefined) {
        code = this.values.push(text) - 1;
        known.set(text, code);
      }
      return code;
    });
  }

  /** Place of each code in alphabetical order. */
  get rank(): Uint32Array {
    if (!this.#rank) {
      const order = this.values.map((_, k) => k);
      order.sort((a, b) => collator.compare(this.values[a]!, this.values[b]!));
      const rank = new Uint32Array(order.length);
      order.forEach((code, place) => (rank[code] = place));
      this.#rank = rank;
    }
    return this.#rank;
  }

  get lower(): string[] {
    return (this.#lower ??= this.values.map((value) => value.toLowerCase()));
  }

  at(row: number): string {
    return this.values[this.codes[row]!]!;
  }
}

/** Numbers with NaN for "not known". */
export function numberColumn(cells: readonly (number | null)[]): Float64Array {
  const column = new Float64Array(cells.length);
  cells.forEach((cell, row) => (column[row] = cell ?? Number.NaN));
  return column;
}

/** Sort keys of a column, so that sorting compares numbers only; unknown values sink. */
function keys(column: TextColumn | Float64Array, descending: boolean): Float64Array {
  const size = column instanceof Float64Array ? column.length : column.codes.length;
  const found = new Float64Array(size);
  const rank = column instanceof Float64Array ? null : column.rank;
  for (let row = 0; row < size; row++) {
    const value = column instanceof Float64Array ? column[row]! : rank![column.codes[row]!]!;
    found[row] = Number.isNaN(value) ? Infinity : descending ? -value : value;
  }
  return found;
}

/** Order `rows` in place by a column; equal rows keep the order of the store. */
export function sortRows(
  rows: Uint32Array,
  column: TextColumn | Float64Array,
  descending: boolean,
): Uint32Array {
  const key = keys(column, descending);
  return rows.sort((a, b) => {
    const x = key[a]!;
    const y = key[b]!;
    return x < y ? -1 : x > y ? 1 : a - b;
  });
}

export type RowTest = (row: number) => boolean;

/** Test of one text column against a set of allowed values. */
export function oneOf(column: TextColumn, allowed: readonly string[]): RowTest {
  const wanted = new Set(allowed);
  const ok = Uint8Array.from(column.values, (value) => (wanted.has(value) ? 1 : 0));
  return (row) => ok[column.codes[row]!] === 1;
}

/** Test that a text occurs in one of the columns, ignoring case; decided once per value. */
export function contains(columns: readonly TextColumn[], text: string): RowTest {
  const needle = text.toLowerCase();
  const hits = columns.map((column) =>
    Uint8Array.from(column.lower, (value) => (value.includes(needle) ? 1 : 0)),
  );
  return (row) => columns.some((column, k) => hits[k]![column.codes[row]!] === 1);
}

export function filterRows(size: number, tests: readonly RowTest[]): Uint32Array {
  const rows = new Uint32Array(size);
  let kept = 0;
  for (let row = 0; row < size; row++) {
    if (tests.every((test) => test(row))) rows[kept++] = row;
  }
  return rows.subarray(0, kept);
}

/** How often each value of a text column occurs among rows, most frequent first. */
export function facet(column: TextColumn, rows: Uint32Array): { value: string; count: number }[] {
  const counts = new Uint32Array(column.values.length);
  for (const row of rows) counts[column.codes[row]!]!++;
  return column.values
    .map((value, code) => ({ value, count: counts[code]! }))
    .sort((a, b) => b.count - a.count || collator.compare(a.value, b.value));
}
