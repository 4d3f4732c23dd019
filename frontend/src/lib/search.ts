// URL parameters arrive as anything; these make them what a screen expects.

export type Raw = Record<string, unknown>;

/** Text that is set; a number typed into the address is text too. */
export function text(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function choice<T extends string>(raw: Raw, name: string, allowed: readonly T[]): T | undefined {
  const value = text(raw, name);
  return allowed.find((one) => one === value);
}

export function flag(raw: Raw, name: string): true | undefined {
  return raw[name] === true || raw[name] === "true" || raw[name] === 1 ? true : undefined;
}
