import { useMemo, useState, type ReactNode } from "react";
import { count } from "@/lib/quantities";
import { visibleLines, xmlLines } from "@/lib/xml";

const MOST_LINES = 3000;

/** XML as text: pretty with folding, or raw as it was on the wire. Never rendered as HTML. */
export function XmlViewer({ title, source, fault }: { title: string; source: string; fault: string }): ReactNode {
  const [isRaw, setRaw] = useState(false);
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const lines = useMemo(() => xmlLines(source), [source]);
  const toggle = (at: number): void => {
    const next = new Set(folded);
    if (!next.delete(at)) next.add(at);
    setFolded(next);
  };
  const foldAll = (): void => setFolded(new Set((lines ?? []).flatMap((line, k) => (line.inside > 0 && line.depth > 1 ? [k] : []))));
  const shown = lines && !isRaw ? visibleLines(lines, folded).slice(0, MOST_LINES) : null;
  return (
    <div className="stack">
      <header className="row">
        <h2>{title}</h2>
        <span className="dim small">{count(new Blob([source]).size)} bytes</span>
        {source !== "" && !lines && <span className="strong">not well-formed XML</span>}
        <span className="row push">
          {lines && !isRaw && (
            <>
              <button type="button" className="btn quiet" onClick={foldAll}>
                Fold
              </button>
              <button type="button" className="btn quiet" onClick={() => setFolded(new Set())}>
                Unfold
              </button>
            </>
          )}
          {lines && (
            <button type="button" className="btn" aria-pressed={isRaw} onClick={() => setRaw(!isRaw)}>
              {isRaw ? "Pretty" : "Raw"}
            </button>
          )}
          <button type="button" className="btn quiet" onClick={() => void navigator.clipboard?.writeText(source)}>
            Copy
          </button>
        </span>
      </header>
      {source !== "" && (fault ? <p className="strong">! Not valid: {fault}</p> : <p className="dim small">Valid by our schemas.</p>)}
      {source === "" ? (
        <p className="dim">Nothing was kept.</p>
      ) : shown && lines ? (
        <div className="xml mono" tabIndex={0} role="region" aria-label={`${title}, pretty`}>
          {shown.map((k) => {
            const line = lines[k]!;
            return (
              <div key={k} className="xml-line">
                <span className="xml-number">{k + 1}</span>
                {line.inside > 0 ? (
                  <button type="button" className="sort xml-fold" aria-expanded={!folded.has(k)} aria-label={folded.has(k) ? "Unfold" : "Fold"} onClick={() => toggle(k)}>
                    {folded.has(k) ? "\u25b8" : "\u25be"}
                  </button>
                ) : (
                  <span className="xml-fold" />
                )}
                <span style={{ paddingLeft: line.depth * 14 }}>
                  {line.text}
                  {folded.has(k) && <span className="dim"> … {line.inside} lines</span>}
                </span>
              </div>
            );
          })}
          {shown.length === MOST_LINES && <p className="dim">Only the first {count(MOST_LINES)} lines are drawn; raw shows all.</p>}
        </div>
      ) : (
        <pre className="xml mono" tabIndex={0} aria-label={`${title}, raw`}>
          {source}
        </pre>
      )}
    </div>
  );
}
