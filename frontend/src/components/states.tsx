// What every screen shows when it has nothing good to show: loading, empty, failed.
import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { ApiError } from "@/api/client";
import { clock } from "@/lib/time";

function useAfter(ms: number): boolean {
  const [passed, setPassed] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setPassed(true), ms);
    return () => window.clearTimeout(timer);
  }, [ms]);
  return passed;
}

/** Keeps the final size from the start; ink only after 400 ms, words after 5 s. */
export function Loading({ what, rows = 6 }: { what: string; rows?: number }): ReactNode {
  const inked = useAfter(400);
  const slow = useAfter(5000);
  return (
    <div className="skeleton" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: rows }, (_, k) => (
        <i key={k} style={{ visibility: inked ? "visible" : "hidden", width: `${90 - (k % 3) * 15}%` }} />
      ))}
      {slow && <p className="dim" style={{ padding: 8 }}>Still waiting for {what}.</p>}
    </div>
  );
}

export function Empty({ why, children }: { why: string; children?: ReactNode }): ReactNode {
  return (
    <div className="state-box">
      <p>{why}</p>
      {children && <div className="row">{children}</div>}
    </div>
  );
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What failed, its request id, and a way to try again. */
export function ErrorBox({ what, error, retry }: { what: string; error: unknown; retry?: () => void }): ReactNode {
  const id = error instanceof ApiError ? error.requestId : "";
  const [at] = useState(() => Date.now());
  const details = `${what}: ${errorText(error)} (request ${id || "unknown"}, ${clock(at)})`;
  return (
    <div className="state-box" role="alert">
      <p>
        <strong>{what} failed.</strong> {errorText(error)}
      </p>
      <p className="dim small">
        {clock(at)}
        {id && (
          <>
            {" · request "}
            <code>{id}</code>
          </>
        )}
      </p>
      <div className="row">
        {retry && (
          <button type="button" className="btn" onClick={retry}>
            Retry
          </button>
        )}
        <button type="button" className="btn quiet" onClick={() => void navigator.clipboard?.writeText(details)}>
          Copy details
        </button>
      </div>
    </div>
  );
}

interface QueryProps<T> {
  of: UseQueryResult<T>;
  what: string;
  rows?: number;
  children: (data: T) => ReactNode;
}

/** One of loading, failed or the data; old data stays, marked, when a refresh fails. */
export function Query<T>({ of, what, rows, children }: QueryProps<T>): ReactNode {
  if (of.data !== undefined) {
    return (
      <>
        {of.isError && (
          <div className="banner late" role="status">
            The refresh of {what} failed; this is as of {clock(of.dataUpdatedAt)}. {errorText(of.error)}
            <button type="button" className="btn quiet" onClick={() => void of.refetch()}>
              Retry
            </button>
          </div>
        )}
        {children(of.data)}
      </>
    );
  }
  if (of.isError) return <ErrorBox what={`Loading ${what}`} error={of.error} retry={() => void of.refetch()} />;
  return <Loading what={what} rows={rows ?? 6} />;
}
