import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import type { Device, Latest } from "@/api/types";
import { ObjectChanges } from "@/components/ObjectChanges";
import { Query } from "@/components/states";
import { kindName, linkText } from "@/components/symbols";
import { Tabs } from "@/components/Tabs";
import { useTopic } from "@/live/topics";
import { EligibilityButton } from "./Eligibility";
import { CommsTab, ControlTab } from "./DeviceTabs";
import "./devices.css";
import { LiveTab } from "./LiveTab";
import { NameplateTab } from "./NameplateTab";

const CONNECTION = ["\u25cb unknown", "\u25cb disconnected", "\u25cf connected"];

function feederOf(device: Device): string {
  const point = device.usage_point;
  return [device.feeder ?? point?.feeder, point?.phase && `phase ${point.phase}`, point?.transformer].filter(Boolean).join(" · ");
}

function connectionText(device: Device): string {
  const connection = device.status?.connection;
  if (typeof connection === "number") return CONNECTION[connection] ?? "";
  return connection ? `${connection === "connected" ? "\u25cf" : "\u25cb"} ${connection}` : "";
}

/** The live topic repeats what the page shows: latest values by quantity, status and link. */
export interface LiveDevice {
  latest?: Record<string, Latest>;
  status?: Device["status"];
  link?: Device["link"];
}

function Body({ device: stored }: { device: Device }): ReactNode {
  const { tab } = useSearch({ from: "/devices/$mrid" });
  const live = useTopic<LiveDevice>(`device:${stored.mrid}`).data;
  const device: Device = { ...stored, ...live };
  return (
    <>
      <div className="page-head">
        <h1>{device.name}</h1>
        <span>{kindName(device.kind)}</span>
        <span className="dim">{feederOf(device)}</span>
        <span className="tag">{connectionText(device)}</span>
        <span className="tag">link {linkText(device.link?.state)}</span>
        <span className="tag">{device.lifecycle_state}</span>
        <span className="tag" title={device.eligibility_reason}>
          {device.eligible ? "eligible for dispatch" : `not eligible: ${device.eligibility_reason}`}
        </span>
        {device.status?.local_control && <span className="tag">local control</span>}
        <span className="row push">
          <EligibilityButton device={device} />
        </span>
      </div>
      {device.groups && device.groups.length > 0 && (
        <p className="dim">
          Member of{" "}
          {device.groups.map((group, k) => (
            <span key={group.mrid}>
              {k > 0 && ", "}
              <Link to="/groups/$mrid" params={{ mrid: group.mrid }} search={{ tab: "status" }}>
                {group.name}
              </Link>
            </span>
          ))}
        </p>
      )}
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
    refetchInterval: 30_000,
  });
  return (
    <div className="page">
      <Query of={device} what="the device" rows={12}>
        {(data) => <Body key={mrid} device={data} />}
      </Query>
    </div>
  );
}
