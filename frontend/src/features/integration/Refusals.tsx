import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { CimMessage } from "@/api/types";
import { useNow } from "@/live/clock";
import { shortTime } from "@/lib/time";

const SHOWN = 6;

/** The last messages that were refused for who sent them, or that nobody could read. */
export function Refusals({ of }: { of: readonly CimMessage[] }): ReactNode {
  const now = useNow();
  return (
    <section className="panel" aria-label="Refusals and faults">
      <header>
        <h2>Refused (7.x) and faults, 24 h</h2>
        <Link to="/cim-messages" search={{ result: "FAULT" }} className="push">
          All faults
        </Link>
      </header>
      {of.length === 0 ? (
        <p className="dim">Nobody was turned away.</p>
      ) : (
        <div className="table-box" tabIndex={0} role="region" aria-label="Refused messages, scrollable">
          <table className="data" aria-label="Refused messages">
            <tbody>
              {of.slice(0, SHOWN).map((m) => (
                <tr key={m.mrid}>
                  <td>
                    <Link to="/cim-messages" search={{ open: m.mrid, client: m.client || undefined }}>
                      {shortTime(m.received_at, now)}
                    </Link>
                  </td>
                  <td>{m.client || "unknown"}</td>
                  <td className="strong">
                    {m.result} {m.code}
                  </td>
                  <td className="said" title={m.details}>
                    {m.details}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
