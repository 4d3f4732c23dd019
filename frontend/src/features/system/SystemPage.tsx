import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "@/api/client";
import { Query } from "@/components/states";
import { useLink } from "@/live/topics";
import { number } from "@/lib/quantities";
import { dateTime, span } from "@/lib/time";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

function words(key: string): string {
  return key.replaceAll("_", " ");
}

function cell(key: string, value: Json): string {
  if (value === null) return "\u2014";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return /(_at|^at)$/.test(key) && !Number.isNaN(Date.parse(value)) ? dateTime(value) : value;
  if (typeof value !== "number") return Array.isArray(value) ? value.map((one) => cell("", one)).join(", ") : JSON.stringify(value);
  if (key.endsWith("_s")) return span(value * 1000);
  if (key.endsWith("_ms")) return `${number(value, value < 10 ? 1 : 0)} ms`;
  return number(value, Number.isInteger(value) ? 0 : 1);
}

function isTable(value: Json): value is { [key: string]: Json }[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => one !== null && typeof one === "object" && !Array.isArray(one));
}

function Table({ name, rows }: { name: string; rows: { [key: string]: Json }[] }): ReactNode {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <div className="table-box">
      <table className="data" aria-label={words(name)}>
        <thead>
          <tr>
            {keys.map((key) => (
              <th key={key} scope="col">
                {words(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, k) => (
            <tr key={k}>
              {keys.map((key) => (
                <td key={key}>{cell(key, row[key] ?? null)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Part({ name, value }: { name: string; value: Json }): ReactNode {
  return (
    <section className="panel" aria-label={words(name)}>
      <h2 className="capital">{words(name)}</h2>
      {isTable(value) ? (
        <Table name={name} rows={value} />
      ) : value !== null && typeof value === "object" && !Array.isArray(value) ? (
        <dl className="facts">
          {Object.entries(value).map(([key, one]) => (
            <div key={key} style={{ display: "contents" }}>
              <dt>{words(key)}</dt>
              <dd>{cell(key, one)}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <p>{cell(name, value)}</p>
      )}
    </section>
  );
}

/** What the server tells about its own processes, queues and polls, part by part. */
export function SystemPage(): ReactNode {
  const link = useLink();
  const system = useQuery({
    queryKey: ["system"],
    queryFn: ({ signal }) => get<{ [key: string]: Json }>("system", signal),
    refetchInterval: 2000,
  });
  return (
    <div className="page">
      <div className="page-head">
        <h1>System health</h1>
        <span className="dim">
          this console: {link.state}, clock {number(Math.abs(link.skewMs))} ms {link.skewMs < 0 ? "ahead of" : "behind"} the server, version {link.build || "unknown"}
        </span>
      </div>
      <Query of={system} what="system health" rows={10}>
        {(data) => (
          <>
            {Object.entries(data).map(([name, value]) => (
              <Part key={name} name={name} value={value} />
            ))}
          </>
        )}
      </Query>
    </div>
  );
}
