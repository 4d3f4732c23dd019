import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

/** Link to the object an alarm or an audit record speaks of, where it has a page. */
export function SourceLink({ type, mrid, children }: { type: string; mrid: string; children: ReactNode }): ReactNode {
  const kind = type.toLowerCase().replace(/[^a-z]/g, "");
  if (!mrid) return children;
  // Alarms about deliveries name the partner and the noun.
  if (kind === "partner") return <Link to="/partners/$mrid" params={{ mrid: mrid.split(":")[0] ?? mrid }} search={{ tab: "deliveries", state: "parked" }}>{children}</Link>;
  if (kind.includes("dispatch")) return <Link to="/dispatches/$mrid" params={{ mrid }}>{children}</Link>;
  if (kind.includes("control")) return <Link to="/controls/$mrid" params={{ mrid }}>{children}</Link>;
  if (kind.includes("group")) return <Link to="/groups/$mrid" params={{ mrid }} search={{ tab: "status" }}>{children}</Link>;
  if (kind.includes("device")) return <Link to="/devices/$mrid" params={{ mrid }} search={{ tab: "live" }}>{children}</Link>;
  return children;
}
