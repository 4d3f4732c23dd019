import { Link, Outlet } from "@tanstack/react-router";
import { useCallback, useEffect, useState, type ReactNode } from "react";
import { useMe } from "@/api/me";
import type { Alarm, Dispatch, Overview } from "@/api/types";
import { mergeRows, useLink, useTopic } from "@/live/topics";
import { count } from "@/lib/quantities";
import { clock } from "@/lib/time";
import { countAlarms, mostUrgent, type AlarmCounts } from "./alarmCounts";
import { AlarmStrip } from "./AlarmStrip";
import { Header } from "./Header";
import { IdleGuard } from "./IdleGuard";
import { KeySheet } from "./KeySheet";
import { PAGES } from "./nav";
import { Palette } from "./Palette";
import "./shell.css";
import { useHotkeys } from "./useHotkeys";

const OPEN = new Set(["active", "scheduled", "ending"]);
const alarmRows = mergeRows<Alarm>("mrid");
const dispatchRows = mergeRows<Dispatch>("mrid");

function Nav({ counts }: { counts: Partial<Record<string, number>> }): ReactNode {
  const me = useMe();
  const pages = PAGES.filter(({ permission }) => me.permissions.includes(permission));
  return (
    <nav className="shell-nav" aria-label="Pages">
      {pages.map((page) => (
        <Link
          key={page.to}
          to={page.to}
          activeOptions={{ exact: page.to === "/", includeSearch: false }}
          activeProps={{ "aria-current": "page" }}
        >
          {page.text}
          <span className="count">{counts[page.to] ? count(counts[page.to]) : ""}</span>
        </Link>
      ))}
    </nav>
  );
}

function Banners(): ReactNode {
  const link = useLink();
  const me = useMe();
  const [seen, setSeen] = useState<object | null>(null);
  const isNewBuild = link.build !== "" && link.build !== me.build;
  return (
    <>
      {isNewBuild && (
        <div className="banner" role="status">
          A new version of the console is installed. Reload when no form is open.
          <button type="button" className="btn" onClick={() => window.location.reload()}>
            Reload
          </button>
        </div>
      )}
      {link.state === "live" && link.gap && link.gap !== seen && (
        <div className="banner late" role="status">
          The connection was lost from {clock(link.gap.from + link.skewMs)} to {clock(link.gap.to + link.skewMs)}. Everything
          shown is current again; trends have a gap.
          <button type="button" className="btn quiet push" onClick={() => setSeen(link.gap)}>
            Dismiss
          </button>
        </div>
      )}
    </>
  );
}

/** Header, navigation, alarm strip: the same on all pages, fed by topics that are always on. */
export function Shell(): ReactNode {
  const me = useMe();
  const [open, setOpen] = useState<"palette" | "sheet" | null>(null);
  const [preferences, setPreferences] = useState(me.preferences ?? {});
  const link = useLink();
  const overview = useTopic<Overview>("overview");
  const alarms = useTopic<Alarm[]>("alarms", alarmRows);
  const dispatches = useTopic<Dispatch[]>("dispatches", dispatchRows);
  useHotkeys({
    palette: useCallback(() => setOpen("palette"), []),
    sheet: useCallback(() => setOpen("sheet"), []),
    singleKeys: preferences.single_keys !== false,
  });
  useEffect(() => {
    document.documentElement.dataset.live = link.state;
  }, [link.state]);

  const rows = alarms.data ?? [];
  const waiting = rows.filter((alarm) => alarm.acknowledged_at === null).length;
  const counts = {
    "/dispatches": dispatches.data?.filter(({ state }) => OPEN.has(state)).length,
    "/devices": overview.data?.devices.total,
    "/alarms": rows.filter((alarm) => alarm.cleared_at === null).length,
  };
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Header counts={(overview.data?.alarms as AlarmCounts | undefined) ?? countAlarms(rows)} preferences={preferences} onPreferences={setPreferences} />
      <Nav counts={counts} />
      <main id="main" className="shell-main" tabIndex={0} aria-label="Page">
        <Banners />
        <Outlet />
      </main>
      <AlarmStrip alarm={mostUrgent(rows)} waiting={waiting} known={alarms.data !== null} />
      {open === "palette" && <Palette onClose={() => setOpen(null)} />}
      {open === "sheet" && <KeySheet onClose={() => setOpen(null)} />}
      <IdleGuard idleS={me.idle_s} />
    </div>
  );
}
