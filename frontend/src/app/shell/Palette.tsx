import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState, type KeyboardEvent, type ReactNode } from "react";
import { get, query } from "@/api/client";
import type { Group, Page } from "@/api/types";
import { Dialog } from "@/components/controls";
import { kindName } from "@/components/symbols";
import { PAGES } from "./nav";

interface Found {
  key: string;
  kind: string;
  text: string;
  go: () => void;
}

interface NamedDevice {
  mrid: string;
  name: string;
  kind: string;
}

function useDebounced(text: string, ms: number): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), ms);
    return () => window.clearTimeout(timer);
  }, [text, ms]);
  return settled;
}

function useFound(text: string): Found[] {
  const navigate = useNavigate();
  const q = useDebounced(text.trim(), 200);
  const search = <T,>(path: string) => ({
    queryKey: ["palette", path, q],
    queryFn: () => get<Page<T>>(path + query({ q, page_size: 8 })),
    enabled: q.length >= 2,
  });
  const groups = useQuery(search<Group>("groups"));
  const devices = useQuery(search<NamedDevice>("devices"));
  const pages = PAGES.filter((page) => page.text.toLowerCase().includes(text.trim().toLowerCase()));
  return [
    ...pages.map((page) => ({ key: page.to, kind: "Page", text: page.text, go: () => void navigate({ to: page.to }) })),
    ...("new dispatch".includes(text.trim().toLowerCase())
      ? [{ key: "new", kind: "Action", text: "New dispatch", go: () => void navigate({ to: "/dispatches/new", search: {} }) }]
      : []),
    ...(groups.data?.results ?? []).map(({ mrid, name }) => ({
      key: mrid,
      kind: "Group",
      text: name,
      go: () => void navigate({ to: "/groups/$mrid", params: { mrid }, search: { tab: "status" } }),
    })),
    ...(devices.data?.results ?? []).map(({ mrid, name, kind }) => ({
      key: mrid,
      kind: kindName(kind),
      text: name,
      go: () => void navigate({ to: "/devices/$mrid", params: { mrid }, search: { tab: "live" } }),
    })),
  ];
}

/** Ctrl+K: go to a page, a group or a device by name or mRID. */
export function Palette({ onClose }: { onClose: () => void }): ReactNode {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = useFound(text);
  const chosen = Math.min(at, found.length - 1);

  function onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt(Math.max(0, Math.min(found.length - 1, chosen + step)));
    else if (event.key === "Enter" && found[chosen]) open(found[chosen]);
    else return;
    event.preventDefault();
  }

  function open(entry: Found): void {
    onClose();
    entry.go();
  }

  return (
    <Dialog title="Go to" onClose={onClose}>
      <div className="palette stack">
        <input
          className="input"
          data-autofocus
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={found[chosen] && `palette-${chosen}`}
          aria-label="Page, group or device"
          placeholder="Page, group or device by name or mRID"
          value={text}
          onChange={(e) => {
            setText(e.target.value);
            setAt(0);
          }}
          onKeyDown={onKey}
        />
        <ul id="palette-list" role="listbox" aria-label="Found">
          {found.map((entry, k) => (
            <li key={entry.key} id={`palette-${k}`} role="option" aria-selected={k === chosen} onClick={() => open(entry)}>
              {entry.text} <span className="push dim small">{entry.kind}</span>
            </li>
          ))}
        </ul>
        {found.length === 0 && <p className="dim">Nothing has this name.</p>}
      </div>
    </Dialog>
  );
}
