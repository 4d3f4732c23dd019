import { useEffect, useRef, useState, type ReactNode } from "react";
import { goToLogin } from "@/api/client";
import { extendSession } from "@/api/me";
import { Dialog } from "@/components/controls";
import { span } from "@/lib/time";

const WARN_MS = 120_000;
const EXTEND_EVERY_MS = 60_000;

/** Keeps the session while somebody works here, and warns two minutes before it ends. */
export function IdleGuard({ idleS }: { idleS: number }): ReactNode {
  const [leftMs, setLeftMs] = useState(idleS * 1000);
  const activeAt = useRef(0);
  const extendedAt = useRef(0);

  const extend = (): void => {
    activeAt.current = Date.now();
    extendedAt.current = Date.now();
    extendSession().catch(() => undefined);
  };

  useEffect(() => {
    const warnMs = Math.min(WARN_MS, (idleS * 1000) / 2);
    activeAt.current = Date.now();
    extendedAt.current = Date.now();
    const onActivity = (): void => {
      const now = Date.now();
      // In the warning only its button counts, so that nobody extends by accident.
      if (now - activeAt.current > idleS * 1000 - warnMs) return;
      activeAt.current = now;
      if (now - extendedAt.current > EXTEND_EVERY_MS) extend();
    };
    const timer = window.setInterval(() => {
      const left = activeAt.current + idleS * 1000 - Date.now();
      setLeftMs(left);
      if (left <= 0) goToLogin();
    }, 1000);
    window.addEventListener("pointerdown", onActivity);
    window.addEventListener("keydown", onActivity);
    return () => {
      window.clearInterval(timer);
      window.removeEventListener("pointerdown", onActivity);
      window.removeEventListener("keydown", onActivity);
    };
  }, [idleS]);

  if (leftMs > Math.min(WARN_MS, (idleS * 1000) / 2)) return null;
  return (
    <Dialog title="The session is about to end" onClose={extend}>
      <p role="alert">Nothing was done here for a while. You are logged out in {span(leftMs)}.</p>
      <div className="row">
        <button type="button" className="btn primary" data-autofocus onClick={extend}>
          Stay logged in
        </button>
      </div>
    </Dialog>
  );
}
