import { useQuery } from "@tanstack/react-query";
import { useMemo, type ReactNode } from "react";
import { get } from "@/api/client";
import type { CimMessageDetail } from "@/api/types";
import { Query } from "@/components/states";
import { clock } from "@/lib/time";
import { compareXml } from "./compare";

const SIGNS = { same: " ", added: "+", removed: "-" } as const;

function Part({ title, before, after }: { title: string; before: string; after: string }): ReactNode {
  const lines = useMemo(() => compareXml(before, after), [before, after]);
  const isSame = lines.every((line) => line.kind === "same");
  return (
    <div className="stack">
      <h2>{title}</h2>
      {isSame ? (
        <p className="dim">No difference.</p>
      ) : (
        <div className="xml mono" tabIndex={0} role="region" aria-label={`Difference of ${title.toLowerCase()}`}>
          {lines.map((line, k) => (
            <div key={k} className={`xml-line diff-${line.kind}`}>
              <span className="xml-fold">{SIGNS[line.kind]}</span>
              <span className="diff-text">{line.text}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

/** One exchange against another: minus is in the other one, plus in the one that is open. */
export function Difference({ of: message, other, onClose }: { of: CimMessageDetail; other: string; onClose: () => void }): ReactNode {
  const found = useQuery({
    queryKey: ["cim-message", other],
    queryFn: ({ signal }) => get<CimMessageDetail>(`cim-messages/${other}`, signal),
  });
  return (
    <Query of={found} what="the other message" rows={6}>
      {(o) => (
        <div className="stack">
          <header className="row">
            <h2>
              Against {o.verb} {o.noun} of {o.client}, {clock(o.received_at)}
            </h2>
            <button type="button" className="btn push" onClick={onClose}>
              Show the message
            </button>
          </header>
          <Part title="Request" before={o.request_xml} after={message.request_xml} />
          <Part title="Reply" before={o.reply_xml} after={message.reply_xml} />
        </div>
      )}
    </Query>
  );
}
