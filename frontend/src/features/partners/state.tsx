import type { ReactNode } from "react";
import type { Partner } from "@/api/types";
import { span } from "@/lib/time";

const WORDS: Record<Partner["state"], string> = {
  off: "switched off",
  failing: "does not answer",
  parked: "messages parked",
  waiting: "delivering",
  good: "good",
};

/** The worst that can be said of a partner, in words; bold when somebody has to act. */
export function PartnerState({ of: partner }: { of: Partner }): ReactNode {
  const needsSomebody = partner.state === "failing" || partner.state === "parked";
  return (
    <span className={needsSomebody ? "strong nowrap" : "nowrap"}>
      {needsSomebody && "! "}
      {WORDS[partner.state]}
    </span>
  );
}

export function oldest(partner: Partner): string {
  return partner.oldest_waiting_s == null ? "" : span(partner.oldest_waiting_s * 1000);
}
