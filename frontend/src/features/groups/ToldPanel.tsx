import type { ReactNode } from "react";
import type { Group } from "@/api/types";
import { Empty } from "@/components/states";
import { Age, Value } from "@/components/Value";
import type { Base } from "@/lib/quantities";

const PARAMETERS: Readonly<Record<string, readonly [string, Base]>> = {
  activePower: ["Active power", "W"],
  reactivePower: ["Reactive power", "var"],
  apparentPower: ["Apparent power", "VA"],
  voltage: ["Voltage", "V"],
};

/** What another party tells of its group: never measured by us, and it says so. */
export function ToldPanel({ group }: { group: Group }): ReactNode {
  const told = group.told;
  if (!told) return <Empty why={`${group.party ?? "Its party"} has not told anything about the present state of this group.`} />;
  return (
    <section className="panel" aria-label="Told by its party">
      <h2>Told by {told.party}, not measured by us</h2>
      <p className={told.stale ? "value-stale" : ""}>
        {told.stale ? "Too old to count: " : `${told.state || "No state"}, `}
        <Age at={told.at} after=" ago" />
        {told.reason && `. ${told.reason}`}
      </p>
      <table className="data">
        <thead>
          <tr>
            <th>Parameter</th>
            <th className="num">Told</th>
            <th className="num">Lowest</th>
            <th className="num">Highest</th>
            <th className="num">Installed min</th>
            <th className="num">Installed max</th>
          </tr>
        </thead>
        <tbody>
          {told.values.map((value) => {
            const [name, base] = PARAMETERS[value.parameter] ?? [value.parameter, "W" as Base];
            return (
              <tr key={value.parameter}>
                <th scope="row">{name}</th>
                {[value.nominal, value.low, value.high, value.installed_min, value.installed_max].map((of, place) => (
                  <td key={place} className="num">
                    <Value of={of} base={base} stale={told.stale} />
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
