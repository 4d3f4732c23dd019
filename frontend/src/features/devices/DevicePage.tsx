import { useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { Device } from "@/api/types";
import { SANDBOX } from "@/components/groups";
import { ObjectChanges } from "@/components/ObjectChanges";
import { SwitchButtons } from "@/components/SwitchButtons";
import { Query } from "@/components/states";
import { kindName } from "@/components/symbols";
import { Tabs } from "@/components/Tabs";
import { qualityName } from "@/components/Value";
import { useTopic } from "@/live/topics";
import { EligibilityButton } from "./Eligibility";
import { CommsTab, ControlTab } from "./DeviceTabs";
import "./devices.css";
import type { LiveRow } from "./liveRows";
import { LiveTab } from "./LiveTab";
import { NameplateTab } from "./NameplateTab";

function pointText({ feeder, usage_point: point }: Device): string {
  return [feeder, point && `phase ${point.phase}`, point?.transformer].filter(Boolean).join(" · ");
}

function connectionText(device: Device): string {
  const connection = device.status?.connection ?? "unknown";
  return `${connection === "connected" ? "\u25cf" : "\u25cb"} ${connection}`;
}

/** The stored device with the values of the live row in it. */
function withLive(device: Device, live: LiveRow | null): Device {
  if (!live?.measured_at) return device;
  const { measured_at, quality, stale } = live;
  const at = new Date(typeof measured_at === "number" ? measured_at * 1000 : measured_at).toISOString();
  const latest = { ...device.latest };
  for (const [name, value] of [["active_power_w", live.p_w], ["reactive_power_var", live.q_var], ["soc_pct", live.soc_pct]] as const) {
    if (value !== null && at > (latest[name]?.measured_at ?? "")) {
      latest[name] = { value, measured_at: at, quality: qualityName(quality), stale: stale ?? false, age_s: 0, source: latest[name]?.source ?? "poll" };
    }
  }
  return { ...device, latest };
}

function Body({ device: stored }: { device: Device }): ReactNode {
  const { tab } = useSearch({ from: "/devices/$mrid" });
  const live = useTopic<LiveRow>(`device:${stored.mrid}`).data;
  const device = withLive(stored, live);
  return (
    <>
      <div className="page-head">
        <h1>{device.name}</h1>
        {device.owner.name === SANDBOX && <span className="tag">SANDBOX</span>}
        <span>{kindName(device.kind)}</span>
        <span className="dim">{pointText(device)}</span>
        <span className="tag">{connectionText(device)}</span>
        <span className="tag">{device.status?.operating}</span>
        <span className="tag">{device.lifecycle_state}</span>
        <span className="tag" title={device.eligibility_reason}>
          {device.eligible ? "eligible for dispatch" : `not eligible: ${device.eligibility_reason}`}
        </span>
        {device.status?.local_control && <span className="tag">local control</span>}
        <span className="row push">
          <SwitchButtons devices={[device.mrid]} name={device.name} blocked={device.lifecycle_state === "registered" ? "" : "The device is not registered"} />
          <EligibilityButton device={device} />
        </span>
      </div>
      <Tabs
        label="Parts of the device"
        current={tab}
        tabs={[
          ["live", "Live"],
          ["nameplate", "Nameplate and settings"],
          ["control", "Control history"],
          ["comms", "Comms"],
          ["changes", "Changes"],
        ]}
      />
      {tab === "live" && <LiveTab device={device} />}
      {tab === "nameplate" && <NameplateTab device={device} />}
      {tab === "control" && <ControlTab mrid={device.mrid} />}
      {tab === "comms" && <CommsTab device={device} />}
      {tab === "changes" && <ObjectChanges mrid={device.mrid} created={device.created_at} modified={device.modified_at} />}
    </>
  );
}

export function DevicePage(): ReactNode {
  const { mrid } = useParams({ from: "/devices/$mrid" });
  const device = useQuery({
    queryKey: ["devices", mrid],
    queryFn: ({ signal }) => get<Device>(`devices/${mrid}`, signal),
    refetchInterval: 5000,
  });
  return (
    <div className="page">
      <Query of={device} what="the device" rows={12}>
        {(data) => <Body key={mrid} device={data} />}
      </Query>
    </div>
  );
}
