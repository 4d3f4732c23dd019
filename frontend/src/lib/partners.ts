// What is said of a partner system in a few words, on every page that names one.
import { count, number } from "./quantities";

/** `+0.4 s`: how far the partner's clock is ahead of ours. */
export function drift(seconds: number | null): string {
  if (seconds === null) return "–";
  const text = number(Math.abs(seconds), 1);
  return `${seconds < 0 && text !== "0.0" ? "−" : "+"}${text} s`;
}

export function certificate(days: number | null): string {
  if (days === null) return "no certificate";
  return days < 0 ? `ended ${count(-days)} days ago` : `${count(days)} days left`;
}
