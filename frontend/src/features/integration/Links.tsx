import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Integration } from "@/api/types";
import { count } from "@/lib/quantities";
import { byProtocol, type Wires } from "./wires";

function Share({ of }: { of: Wires }): ReactNode {
  const width = (devices: number): string => `${(100 * devices) / of.total}%`;
  return (
    <span className="stacked" role="img" aria-label={`${of.protocol}: ${of.up} online, ${of.degraded} late, ${of.down} offline of ${of.total}`}>
      <span className="up" style={{ width: width(of.up) }} />
      <span className="degraded" style={{ width: width(of.degraded) }} />
      <span className="hatched" style={{ width: width(of.down + of.unknown) }} />
    </span>
  );
}

/** Wires to devices by driver: dark is online, light is late, hatched is offline or never asked. */
export function Links({ of }: { of: Integration["links"] }): ReactNode {
  const wires = byProtocol(of);
  return (
    <section className="panel" aria-label="Links to devices">
      <h2>Links to devices, by driver</h2>
      {wires.length === 0 ? (
        <p className="dim">
          No device has a wire yet. <Link to="/devices">Devices</Link>
        </p>
      ) : (
        <div className="table-box" tabIndex={0} role="region" aria-label="Links by driver, scrollable">
          <table className="data" aria-label="Links by driver">
            <thead>
              <tr>
                <th scope="col">Driver</th>
                <th scope="col">
                  <span className="sr-only">Share</span>
                </th>
                <th scope="col" className="num">Online</th>
                <th scope="col" className="num">Late</th>
                <th scope="col" className="num">Offline</th>
              </tr>
            </thead>
            <tbody>
              {wires.map((one) => (
                <tr key={one.protocol}>
                  <td>{one.protocol}</td>
                  <td>
                    <Share of={one} />
                  </td>
                  <td className="num">{count(one.up)}</td>
                  <td className={one.degraded > 0 ? "num strong" : "num"}>{count(one.degraded)}</td>
                  <td className={one.down > 0 ? "num strong" : "num"}>{count(one.down + one.unknown)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
