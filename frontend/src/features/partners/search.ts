import { choice, type Raw } from "@/lib/search";

export const PARTNER_TABS = ["endpoint", "subscriptions", "deliveries", "certificates", "runs"] as const;
export type PartnerTab = (typeof PARTNER_TABS)[number];
export const DELIVERY_STATES = ["waiting", "parked", "delivered", "discarded"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const partnerSearch = (raw: Raw): { tab?: PartnerTab; state?: DeliveryState } => ({
  tab: choice(raw, "tab", PARTNER_TABS),
  state: choice(raw, "state", DELIVERY_STATES),
});
