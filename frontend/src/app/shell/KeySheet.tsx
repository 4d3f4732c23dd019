import type { ReactNode } from "react";
import { Dialog } from "@/components/controls";
import { PAGES } from "./nav";

const KEYS: readonly (readonly [string, string])[] = [
  ["Ctrl+K", "Go to a page, group or device"],
  ["n", "New dispatch"],
  ["/", "Filter the list"],
  ["j k", "Next and previous row"],
  ["Enter", "Open the row"],
  ["Space", "Select the row"],
  ["a", "Acknowledge the selected alarms"],
  ["?", "This sheet"],
  ["Esc", "Close"],
];

export function KeySheet({ onClose }: { onClose: () => void }): ReactNode {
  const all = [...KEYS, ...PAGES.map((page) => [`g ${page.key}`, page.text] as const)];
  return (
    <Dialog title="Keys" onClose={onClose} size={640}>
      <div className="keys">
        {all.map(([key, text]) => (
          <div key={key} style={{ display: "contents" }}>
            <span>
              {key.split(" ").map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </span>
            <span>{text}</span>
          </div>
        ))}
      </div>
      <p className="dim small">
        No single key sends a command to equipment. Single keys can be turned off in the user menu.
      </p>
    </Dialog>
  );
}
