// Shapes of the REST and live payloads. Powers in W and var, positive = injection; times ISO UTC.

export interface Page<T> {
  next: string | null;
  previous: string | null;
  results: T[];
}

export interface Me {
  mrid: string;
  username: string;
  full_name: string;
  roles: string[];
  permissions: string[];
  organisation: { mrid: string; name: string } | null;
  preferences: Preferences;
  mode_tag: string;
  site_name: string;
  site_time_zone: string;
  server_time: string;
  build: string;
  socket_url: string;
  idle_s: number;
}

export interface Preferences {
  theme?: "light" | "dark" | "auto";
  single_keys?: boolean;
  device_columns?: string[];
}

export interface Overview {
  at: string;
  devices: { total: number; good: number; stale: number; lost: number; stale_last_w: number; by_kind: Record<string, number> };
  active_power_w: number;
  reactive_power_var: number;
  available_max_w: number;
  available_min_w: number;
  installed_max_w: number;
  installed_min_w: number;
  energy_wh: number;
  energy_capacity_wh: number;
  coverage_pct: number;
  dispatches: { active: number; scheduled: number; shortfall: number; error_w: number };
  /** By priority "1" to "4". */
  alarms: Record<string, { active: number; unacknowledged: number }>;
}

export interface GroupStatus {
  /** mRID of the group. */
  mrid: string;
  at: string;
  active_power_w: number;
  reactive_power_var: number;
  apparent_power_va: number;
  available_max_w: number;
  available_min_w: number;
  available_max_var: number;
  available_min_var: number;
  installed_max_w: number;
  installed_min_w: number;
  installed_max_var: number;
  installed_min_var: number;
  energy_wh: number;
  energy_capacity_wh: number;
  soc_pct: number | null;
  voltage_v: number | null;
  members: number;
  good: number;
  stale: number;
  stale_last_w: number;
  coverage_pct: number;
  counts: Record<string, number>;
}

export interface Group {
  mrid: string;
  name: string;
  names: { name: string; name_type: string; name_type_authority: string }[];
  description: string;
  functions: Record<string, boolean>;
  version: { major: number | null; minor: number | null; revision: number | null; date: string | null } | null;
  owner: string;
  member_count: number;
  created_at: string;
  modified_at: string;
  revision: number;
  status: GroupStatus | null;
}

export interface TrendPoint {
  at: string;
  active_power_w: number;
  reactive_power_var: number;
  available_max_w: number;
  available_min_w: number;
  soc_pct: number | null;
  coverage_pct: number;
}

export interface Dispatch {
  mrid: string;
  name: string;
  group_mrid: string;
  group_name: string;
  parameter: string;
  curve_style: "constantYValue" | "straightLineYValues";
  start_at: string;
  end_at: string;
  interval_s: number;
  values: number[];
  priority: number;
  allow_partial: boolean;
  end_behaviour: "release" | "hold";
  comment: string;
  state: string;
  tracking: string;
  state_reason: string;
  deliverable: number[];
  superseded_by: string;
  revision: number;
  target_now: number | null;
  commanded_now: number | null;
  measured_now: number | null;
  headroom_now: number | null;
  members: number;
  members_delivering: number;
  members_limited: number;
  members_silent: number;
  requested_by: string;
  source: string;
  created_at: string;
  activated_at: string | null;
  first_tracked_at: string | null;
  ended_at: string | null;
}

export interface DispatchRequest {
  group: string;
  parameter: string;
  curve_style: string;
  start_at: string | null;
  interval_s: number;
  values: number[];
  priority: number;
  allow_partial: boolean;
  end_behaviour: string;
  name: string;
  comment: string;
}

export interface Preview {
  verdict: "accepted" | "partial" | "refused";
  reasons: { code: string; message: string }[];
  intervals: {
    start_at: string;
    end_at?: string;
    requested: number;
    deliverable_min: number;
    deliverable_max: number;
    deliverable: number;
  }[];
  members: { total: number; available: number; excluded: number; stale: number };
  disaggregation: ShareRow[];
  overlaps: { mrid: string; name: string; priority: number; outcome: "supersedes" | "loses" }[];
  at: string;
}

export interface ShareRow {
  device: string;
  name: string;
  kind: string;
  feeder: string;
  now_w: number | null;
  share_w: number;
  headroom_w: number | null;
  min_w: number | null;
  max_w: number | null;
  soc_pct: number | null;
  note: string;
}

export interface DispatchSample {
  at: string;
  target: number;
  commanded: number | null;
  measured: number | null;
  headroom: number | null;
}

export interface DispatchEvent {
  at: string;
  kind: string;
  text: string;
  actor_name: string;
}

export interface Alarm {
  mrid: string;
  kind: string;
  priority: number;
  source_type: string;
  source_mrid: string;
  source_name: string;
  condition: string;
  response: string;
  raised_at: string;
  last_raised_at: string;
  count: number;
  acknowledged_at: string | null;
  acknowledged_by: string;
  cleared_at: string | null;
  comment: string;
}

export interface AuditRecord {
  seq: number | null;
  at: string;
  actor_kind: string;
  actor_mrid: string;
  actor_name: string;
  source: string;
  address: string;
  action: string;
  outcome: string;
  object_type: string;
  object_mrid: string;
  correlation_id: string;
  before: unknown;
  after: unknown;
  hash: string;
}

export interface Member {
  mrid: string;
  name: string;
  kind: string;
  feeder: string | null;
  rated_w: number;
  rated_charge_w: number;
  p_w: number | null;
  q_var: number | null;
  soc_pct: number | null;
  measured_at: string | null;
  quality: string;
  stale: boolean;
}

export interface Latest {
  value: number;
  measured_at: string;
  quality: string;
  stale: boolean;
}

export interface UsagePoint {
  mrid: string;
  name: string;
  feeder: string | null;
  transformer: string | null;
  phase: string;
  import_limit_w: number | null;
  export_limit_w: number | null;
}

export interface Device {
  mrid: string;
  name: string;
  kind: string;
  lifecycle_state: string;
  eligible: boolean;
  eligibility_reason: string;
  owner: { mrid: string; name: string };
  usage_point: UsagePoint | null;
  feeder: string | null;
  protocol: string;
  address: string;
  poll_interval_s: number;
  created_at: string;
  modified_at: string;
  revision: number;
  nameplate: Record<string, number | string | null> | null;
  settings: Record<string, number | string | null> | null;
  status: {
    connection: string;
    operating: string;
    alarm_bits: number;
    local_control: boolean;
    last_contact_at: string | null;
    changed_at: string | null;
  } | null;
  link?: {
    state: string;
    last_ok_at: string | null;
    last_failure_at: string | null;
    last_error: string;
    consecutive_failures: number;
    round_trip_ms: number | null;
    changed_at: string | null;
  } | null;
  latest: Record<string, Latest>;
  names: { name: string; name_type: string; name_type_authority: string }[];
}

export interface DeviceCommand {
  id?: number;
  origin: string;
  revision: number;
  kind: string;
  value: number;
  state: string;
  valid_until: string;
  created_at: string;
  sent_at: string | null;
  settled_at: string | null;
  protocol_code: string;
  detail: string;
  dispatch?: string | null;
}
