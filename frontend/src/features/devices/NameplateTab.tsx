import type { ReactNode } from "react";
import type { Device } from "@/api/types";
import { NO_VALUE, quantity, type Base } from "@/lib/quantities";
import { dateTime } from "@/lib/time";

type Cell = number | string | null | undefined;

// Rating (IEEE 1547 table 28) | key of the setting that narrows it | unit.
type Rating = keyof NonNullable<Device["nameplate"]>;
type Setting = keyof NonNullable<Device["settings"]>;

const ROWS: readonly (readonly [text: string, rating: Rating | "", setting: Setting | "", base: Base | ""])[] = [
  ["Active power, injection", "rated_w", "max_w", "W"],
  ["Active power, absorption", "rated_charge_w", "max_charge_w", "W"],
  ["Apparent power", "rated_va", "max_va", "VA"],
  ["Apparent power, charging", "rated_charge_va", "", "VA"],
  ["Reactive power, injection", "rated_var_injected", "max_var_injected", "var"],
  ["Reactive power, absorption", "rated_var_absorbed", "max_var_absorbed", "var"],
  ["Energy", "rated_wh", "", "Wh"],
  ["Lowest state of charge", "", "min_soc_pct", "%"],
  ["Highest state of charge", "", "max_soc_pct", "%"],
  ["Ramp, per second", "ramp_w_per_s", "ramp_w_per_s", "W"],
  ["Active power, over-excited", "rated_w_over_excited", "", "W"],
  ["Power factor, over-excited", "over_excited_pf", "", ""],
  ["Active power, under-excited", "rated_w_under_excited", "", "W"],
  ["Power factor, under-excited", "under_excited_pf", "", ""],
  ["Voltage, nominal", "rated_voltage_v", "", "V"],
  ["Voltage, highest", "max_voltage_v", "", "V"],
  ["Voltage, lowest", "min_voltage_v", "", "V"],
  ["Current", "rated_current_a", "", "A"],
  ["Normal performance category", "normal_category", "", ""],
  ["Abnormal performance category", "abnormal_category", "", ""],
];

function text(value: Cell, base: Base | ""): string {
  if (value == null || value === "") return NO_VALUE;
  return base !== "" && typeof value === "number" ? quantity(value, base) : String(value);
}

/** Rating, setting and what applies now, side by side: the smaller of the two binds. */
export function NameplateTab({ device }: { device: Device }): ReactNode {
  const { nameplate, settings } = device;
  const applied = (rating: Cell, setting: Cell): Cell => {
    if (setting == null) return rating;
    return typeof rating === "number" && typeof setting === "number" && rating > 0 ? Math.min(rating, setting) : setting;
  };
  const point = device.usage_point;
  return (
    <div className="split">
      <section className="panel" aria-label="Ratings and settings">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Item</th>
              <th scope="col" className="num">
                Rating
              </th>
              <th scope="col" className="num">
                Setting
              </th>
              <th scope="col" className="num">
                Applies now
              </th>
            </tr>
          </thead>
          <tbody>
            {ROWS.map(([name, ratingKey, settingKey, base]) => {
              const rating = ratingKey ? nameplate?.[ratingKey] : null;
              const setting = settingKey ? settings?.[settingKey] : null;
              if (rating == null && setting == null) return null;
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td className="num">{text(rating, base)}</td>
                  <td className="num">{settingKey ? text(setting, base) : ""}</td>
                  <td className="num strong">{text(applied(rating, setting), base)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        <p className="dim small">
          {settings?.read_at ? `Settings read from the device ${dateTime(settings.read_at)}.` : "Settings were not read from the device yet; an empty setting means as rated."}
        </p>
      </section>
      <section className="panel" aria-label="Device and connection point">
        <h2>Device</h2>
        <dl className="facts">
          <dt>Maker and model</dt>
          <dd>{[nameplate?.manufacturer, nameplate?.model].filter(Boolean).join(" ") || NO_VALUE}</dd>
          <dt>Serial number</dt>
          <dd>{text(nameplate?.serial_number, "")}</dd>
          <dt>Firmware</dt>
          <dd>{text(nameplate?.firmware_version, "")}</dd>
          <dt>Owner</dt>
          <dd>{device.owner.name}</dd>
          <dt>mRID</dt>
          <dd className="mono">{device.mrid}</dd>
        </dl>
        <h2>Connection point</h2>
        <dl className="facts">
          <dt>Feeder</dt>
          <dd>{device.feeder || NO_VALUE}</dd>
          <dt>Transformer</dt>
          <dd>{point?.transformer || NO_VALUE}</dd>
          <dt>Phase</dt>
          <dd>{point?.phase || NO_VALUE}</dd>
          <dt>Agreed import limit</dt>
          <dd>{text(point?.import_limit_w, "W")}</dd>
          <dt>Agreed export limit</dt>
          <dd>{text(point?.export_limit_w, "W")}</dd>
        </dl>
      </section>
    </div>
  );
}
