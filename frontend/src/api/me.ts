// Who is logged in and what the server allows; loaded once before the first screen.
import { createContext, use } from "react";
import { get, request } from "./client";
import type { Me, Preferences } from "./types";

export const loadMe = (): Promise<Me> => get<Me>("me");

export async function savePreferences(preferences: Preferences): Promise<void> {
  await request("me", { method: "PATCH", body: { preferences } });
}

export async function extendSession(): Promise<void> {
  await request("me/extend", { method: "POST", body: {} });
}

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = use(MeContext);
  if (!me) throw new Error("useMe outside of the shell");
  return me;
}

/** Whether the server will allow it; it decides again when asked. */
export function useMay(permission: string): boolean {
  return useMe().permissions.includes(permission);
}
