import { Menu, useMantineColorScheme } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useRef, type ReactNode } from "react";
import { csrfToken } from "@/api/client";
import { savePreferences, useMe } from "@/api/me";
import type { Preferences } from "@/api/types";
import { PRIORITY_NAMES, PriorityChip } from "@/components/symbols";
import { useNow } from "@/live/clock";
import { useLink } from "@/live/topics";
import { clock, zoneName } from "@/lib/time";
import type { AlarmCounts } from "./alarmCounts";

function Counters({ counts }: { counts: AlarmCounts }): ReactNode {
  return (
    <nav className="counters" aria-label="Alarms by priority">
      {[1, 2, 3, 4].map((priority) => {
        const { active, unacknowledged } = counts[priority] ?? { active: 0, unacknowledged: 0 };
        const text = `${active} active ${PRIORITY_NAMES[priority]} alarms, ${unacknowledged} not acknowledged`;
        return (
          <Link key={priority} to="/alarms" search={{ priority: String(priority) }} title={text} aria-label={text}>
            {active + unacknowledged > 0 ? (
              <span className={unacknowledged > 0 ? "chip-box unacknowledged" : "chip-box"}>
                <PriorityChip priority={priority}>{active}</PriorityChip>
              </span>
            ) : (
              <span className="chip none">
                <span aria-hidden="true">{["", "\u25a1", "\u25b3", "\u25c7", "\u25cb"][priority]}</span>0
              </span>
            )}
          </Link>
        );
      })}
    </nav>
  );
}

function Connection(): ReactNode {
  const link = useLink();
  const now = useNow();
  const text =
    link.state === "live"
      ? "Connected"
      : link.lastAt === null
        ? "Connecting"
        : `No data since ${clock(link.lastAt + link.skewMs)}`;
  return (
    <span role="status" aria-live="polite">
      <strong>{text}</strong>
      <span aria-hidden="true">
        {" · "}
        {clock(now)} {zoneName(now)}
      </span>
    </span>
  );
}

interface UserMenuProps {
  preferences: Preferences;
  onPreferences: (preferences: Preferences) => void;
}

function UserMenu({ preferences, onPreferences }: UserMenuProps): ReactNode {
  const me = useMe();
  const { setColorScheme } = useMantineColorScheme();
  const form = useRef<HTMLFormElement>(null);
  const change = (more: Preferences): void => {
    const next = { ...preferences, ...more };
    onPreferences(next);
    if (more.theme) setColorScheme(more.theme);
    void savePreferences(next).catch(() => undefined);
  };
  const keysOn = preferences.single_keys !== false;
  return (
    <>
      <Menu position="bottom-end" transitionProps={{ duration: 0 }} width={220}>
        <Menu.Target>
          <button type="button" className="btn">
            {me.full_name || me.username} · {me.roles.join(", ") || "no role"}
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Theme</Menu.Label>
          {(["light", "dark", "auto"] as const).map((theme) => (
            <Menu.Item key={theme} onClick={() => change({ theme })}>
              {theme === "auto" ? "As the system" : theme === "light" ? "Light" : "Dark"}
              {(preferences.theme ?? "auto") === theme && " \u2713"}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => change({ single_keys: !keysOn })}>
            Single-key shortcuts {keysOn ? "on \u2713" : "off"}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={() => form.current?.submit()}>Log out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <form ref={form} method="post" action="/logout" hidden>
        <input type="hidden" name="csrfmiddlewaretoken" value={csrfToken()} />
      </form>
    </>
  );
}

interface HeaderProps extends UserMenuProps {
  counts: AlarmCounts;
}

export function Header({ counts, ...menu }: HeaderProps): ReactNode {
  const me = useMe();
  return (
    <header className={`shell-header${me.mode_tag === "LIVE" ? "" : " not-live"}`}>
      <span className="product">DERMS</span>
      <span>{me.site_name}</span>
      <span className="tag mode">{me.mode_tag}</span>
      <Counters counts={counts} />
      <Connection />
      <UserMenu {...menu} />
    </header>
  );
}
