import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { PAGES } from "./nav";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function isBusy(target: EventTarget | null): boolean {
  return isTyping(target) || document.querySelector('[role="dialog"]') !== null;
}

interface Actions {
  palette: () => void;
  sheet: () => void;
  /** Off by preference: single keys disturb speech input (WCAG 2.1.4). */
  singleKeys: boolean;
}

const SEQUENCE_MS = 1200;

/** Keys that work on every page. None of them sends a command to equipment. */
export function useHotkeys({ palette, sheet, singleKeys }: Actions): void {
  const navigate = useNavigate();
  const goAt = useRef(0);
  useEffect(() => {
    function onSingle(event: KeyboardEvent): boolean {
      if (Date.now() - goAt.current < SEQUENCE_MS) {
        goAt.current = 0;
        const page = PAGES.find(({ key }) => key === event.key);
        if (page) void navigate({ to: page.to });
        return page !== undefined;
      }
      if (event.key === "g") goAt.current = Date.now();
      else if (event.key === "?") sheet();
      else if (event.key === "n") void navigate({ to: "/dispatches/new", search: {} });
      else if (event.key === "/") document.querySelector<HTMLElement>("[data-filter]")?.focus();
      else return false;
      return true;
    }
    function onKey(event: KeyboardEvent): void {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        palette();
        return;
      }
      const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
      if (!singleKeys || hasModifier || isBusy(event.target)) return;
      if (onSingle(event)) event.preventDefault();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate, palette, sheet, singleKeys]);
}
