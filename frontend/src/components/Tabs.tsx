import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

interface TabsProps<T extends string> {
  label: string;
  current: T;
  tabs: readonly (readonly [T, string])[];
}

/** Tabs are links: the tab is part of the address. */
export function Tabs<T extends string>({ label, current, tabs }: TabsProps<T>): ReactNode {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(([tab, text]) => (
        <Link key={tab} to="." search={(old: object) => ({ ...old, tab }) as never} replace resetScroll={false} aria-current={tab === current ? "page" : undefined} activeProps={{}} activeOptions={{ includeSearch: true }}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
