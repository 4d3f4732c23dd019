// What the partner bench says, apart from how it looks.
import type { BenchRun, BenchStep } from "@/api/types";

export { certificate, drift } from "@/lib/partners";

const STEPS: Record<BenchStep["state"], string> = {
  pending: "· to come",
  waiting: "… waiting",
  passed: "✓ passed",
  failed: "✗ failed",
  skipped: "– not run",
};

export function stepState(step: Pick<BenchStep, "state">): string {
  return STEPS[step.state];
}

const RUNS: Record<BenchRun["state"], string> = {
  running: "… running",
  passed: "✓ passed",
  failed: "✗ failed",
  abandoned: "– abandoned",
};

export function runState(state: BenchRun["state"]): string {
  return RUNS[state];
}

/** Whose turn it is: the integrator's, or ours. */
export function actor(step: Pick<BenchStep, "kind">): string {
  return step.kind === "send" || step.kind === "repeat" ? "partner → us" : "we → partner";
}

/** `5 of 21 passed, 1 failed`. */
export function progress(steps: readonly Pick<BenchStep, "state">[]): string {
  const of = (state: BenchStep["state"]): number => steps.filter((step) => step.state === state).length;
  const bad = of("failed");
  return `${of("passed")} of ${steps.length} passed${bad > 0 ? `, ${bad} failed` : ""}`;
}
