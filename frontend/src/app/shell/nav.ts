// The pages of the console, once: navigation, command palette and key sheet read them here.

export const PAGES = [
  { to: "/", text: "Overview", key: "o", permission: "overview.read" },
  { to: "/groups", text: "Groups", key: "g", permission: "groups.read" },
  { to: "/dispatches", text: "Dispatches", key: "d", permission: "dispatches.read" },
  { to: "/controls", text: "Connect / disconnect", key: "s", permission: "controls.read" },
  { to: "/devices", text: "Devices", key: "v", permission: "devices.read" },
  { to: "/alarms", text: "Alarms", key: "a", permission: "alarms.read" },
  { to: "/integration", text: "Integration health", key: "i", permission: "cim.read" },
  { to: "/cim-messages", text: "CIM messages", key: "c", permission: "cim.read" },
  { to: "/partners", text: "Partners", key: "p", permission: "partners.read" },
  { to: "/partner-bench", text: "Partner bench", key: "b", permission: "conformance.partners" },
  { to: "/certificates", text: "Certificates", key: "e", permission: "certificates.read" },
  { to: "/audit", text: "Audit", key: "u", permission: "audit.read" },
  { to: "/admin", text: "Users and clients", key: "m", permission: "accounts.read" },
  { to: "/system", text: "System health", key: "y", permission: "system.read" },
] as const;

export type PageTo = (typeof PAGES)[number]["to"];
