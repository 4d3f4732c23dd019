// The whole fleet as columns, loaded once and shared by the device list and the member picker.
import { useQuery } from "@tanstack/react-query";
import { TextColumn, numberColumn } from "@/lib/columns";
import { get } from "./client";

type Cells<T> = readonly (T | null)[];

interface ColumnsAnswer {
  at: string;
  count: number;
  columns: {
    id?: Cells<number>;
    mrid: readonly string[];
    name: readonly string[];
    kind: Cells<string>;
    feeder: Cells<string>;
    lifecycle: Cells<string>;
    eligible: Cells<boolean | number>;
    link: Cells<string>;
    rated_w: Cells<number>;
    p_w: Cells<number>;
    q_var: Cells<number>;
    soc_pct: Cells<number>;
    measured_at: Cells<number>;
    quality: Cells<number>;
  };
}

export interface Fleet {
  at: number;
  size: number;
  mrid: readonly string[];
  name: TextColumn;
  kind: TextColumn;
  feeder: TextColumn;
  lifecycle: TextColumn;
  link: TextColumn;
  eligible: Float64Array;
  ratedW: Float64Array;
  pW: Float64Array;
  qVar: Float64Array;
  socPct: Float64Array;
  /** Epoch seconds. */
  measuredAt: Float64Array;
  quality: Float64Array;
  rowOf: ReadonlyMap<string, number>;
}

export function fleetOf({ at, columns: c }: ColumnsAnswer): Fleet {
  return {
    at: Date.parse(at),
    size: c.mrid.length,
    mrid: c.mrid,
    name: new TextColumn(c.name),
    kind: new TextColumn(c.kind),
    feeder: new TextColumn(c.feeder),
    lifecycle: new TextColumn(c.lifecycle),
    link: new TextColumn(c.link),
    eligible: numberColumn(c.eligible.map((cell) => (cell === null ? null : Number(cell)))),
    ratedW: numberColumn(c.rated_w),
    pW: numberColumn(c.p_w),
    qVar: numberColumn(c.q_var),
    socPct: numberColumn(c.soc_pct),
    measuredAt: numberColumn(c.measured_at),
    quality: numberColumn(c.quality),
    rowOf: new Map(c.mrid.map((mrid, row) => [mrid, row])),
  };
}

const REFRESH_MS = 60_000;

export function useFleet() {
  return useQuery({
    queryKey: ["fleet"],
    queryFn: async ({ signal }) => fleetOf(await get<ColumnsAnswer>("devices/columns", signal)),
    staleTime: REFRESH_MS,
    refetchInterval: REFRESH_MS,
    // Typed arrays are compared nowhere; walking 100,000 rows for it would cost a frame.
    structuralSharing: false,
  });
}
