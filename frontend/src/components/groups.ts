// Group rows as several screens read them: the definition by REST, the status live.
import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { Group, GroupStatus, Page } from "@/api/types";
import { mergeRows, useTopic } from "@/live/topics";

/** Name of the organisation whose simulated devices partners prove their systems on. */
export const SANDBOX = "Sandbox utility";

const statusRows = mergeRows<GroupStatus>("mrid");

/** Status of every group by mRID; null while there is none. */
export function useStatuses(onDelta?: (delta: unknown) => void): ReadonlyMap<string, GroupStatus> | null {
  const { data } = useTopic<GroupStatus[]>("groups", statusRows, onDelta);
  return data && new Map(data.map((row) => [row.mrid, row]));
}

const PAGE = 200;

/** The first page of groups, for lists that show the largest ones and for pickers. */
export function useGroups(q = "") {
  return useQuery({
    queryKey: ["groups", "page", q],
    queryFn: ({ signal }) => get<Page<Group>>(`groups?page_size=${PAGE}${q ? `&q=${encodeURIComponent(q)}` : ""}`, signal),
  });
}

export function versionText({ version }: Group): string {
  if (!version || version.major == null) return "";
  return `v${[version.major, version.minor, version.revision].filter((part) => part != null).join(".")}`;
}

/** Power of a group; unknown while none of its members reports, which is not the same as zero. */
export function measuredPower(row: { active_power_w: number; coverage_pct: number }): number | null {
  return row.coverage_pct > 0 ? row.active_power_w : null;
}

export function size(status: GroupStatus | null | undefined): number {
  return status ? Math.max(Math.abs(status.installed_max_w), Math.abs(status.installed_min_w)) : 0;
}
