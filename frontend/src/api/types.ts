// Shapes of the REST and live payloads, out of the generated OpenAPI types. Powers in W and var,
// positive = injection; times ISO UTC. Live rows have the shape of the REST rows.
import type { components } from "./schema";

type Schemas = components["schemas"];

export interface Page<T> {
  next: string | null;
  results: T[];
}

export interface Preferences {
  theme?: "light" | "dark" | "auto";
  single_keys?: boolean;
  device_columns?: string[];
}

export type Me = Omit<Schemas["Me"], "preferences"> & { preferences: Preferences };
export type Overview = Schemas["Overview"];
export type GroupStatus = Schemas["GroupStatus"];
export type Group = Schemas["Group"];
export type Member = Schemas["GroupMember"];
export type TrendPoint = Schemas["TrendSample"];
export type Dispatch = Schemas["Dispatch"];
export type DispatchRequest = Schemas["DispatchRequestRequest"];
export type DispatchMember = Schemas["Member"];
export type DispatchSample = Schemas["Sample"];
export type DispatchEvent = Schemas["Event"];
export type Preview = Schemas["Preview"];
export type ShareRow = Schemas["Share"];
export type Control = Schemas["Control"];
export type ControlRequest = Schemas["ControlRequestRequest"];
export type ControlPreview = Schemas["ControlPreview"];
export type ControlledDevice = Schemas["ControlledDevice"];
export type Alarm = Schemas["Alarm"];
export type AuditRecord = Schemas["AuditRecord"];
export type Verification = Schemas["Verification"];
export type Device = Schemas["DeviceDetail"];
export type Latest = Schemas["Latest"];
export type DeviceCommand = Schemas["Command"];
export type DeviceLink = Schemas["Link"];
export type ImportJob = Schemas["Import"];
export type ReadingPoint = Schemas["ReadingPoint"];
export type CimMessage = Schemas["Message"];
export type CimMessageDetail = Schemas["MessageDetail"];
export type CimCounters = Schemas["Counters"];
export type ClientCertificate = Schemas["ClientCertificate"];
export type CertificateOf = Schemas["CertificateOf"];
export type Grant = { [part in keyof Schemas["Grant"]]: string[] };
export type User = Schemas["User"];
export type ApiClient = Schemas["ApiClient"];
export type Organisation = Schemas["Organisation"];
export type System = Schemas["System"];
export type Partner = Schemas["Partner"];
export type Integration = Schemas["Integration"];
export type IntegrationPartner = Schemas["IntegrationPartner"];
export type Traffic = Schemas["Traffic"];
export type Replay = Schemas["Replay"];
export type Subscription = Schemas["Subscription"];
export type Delivery = Schemas["Delivery"];
export type Trial = Schemas["Trial"];
export type BenchPartner = Schemas["BenchPartner"];
export type BenchScenario = Schemas["Scenario"];
export type BenchRun = Schemas["Run"];
export type BenchRunDetail = Schemas["RunDetail"];
export type BenchStep = Schemas["RunStep"];
export type BenchStepMessages = Schemas["StepMessages"];
