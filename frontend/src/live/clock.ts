// The server's clock, one tick a second for every age and countdown on screen.
import { useSyncExternalStore } from "react";
import { Store } from "@/lib/store";
import { live } from "./socket";

export function serverNow(): number {
  return Date.now() + live.link.get().skewMs;
}

const tick = new Store(Math.floor(serverNow() / 1000) * 1000);
let timer = 0;
let users = 0;

function subscribe(listener: () => void): () => void {
  const leave = tick.subscribe(listener);
  if (users++ === 0) {
    timer = window.setInterval(() => tick.set(Math.floor(serverNow() / 1000) * 1000), 1000);
    tick.set(Math.floor(serverNow() / 1000) * 1000);
  }
  return () => {
    leave();
    if (--users === 0) window.clearInterval(timer);
  };
}

/** Server time [epoch ms], once a second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, tick.get);
}
