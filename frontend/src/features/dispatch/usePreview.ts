import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { post } from "@/api/client";
import type { DispatchRequest, Preview } from "@/api/types";
import { useNow } from "@/live/clock";

const DEBOUNCE_MS = 300;
const REFRESH_MS = 30_000;
/** A check older than this may not be sent on: the fleet has moved. */
export const TOO_OLD_MS = 60_000;

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), DEBOUNCE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}

/** The check of a request, made anew after each change and every half minute. */
export function usePreview(request: DispatchRequest | null) {
  // Name and comment change nothing about what can be delivered.
  const asked = JSON.stringify(request && { ...request, name: "", comment: "" });
  const settled = useSettled(asked);
  const now = useNow();
  const found = useQuery({
    queryKey: ["preview", settled],
    queryFn: ({ signal }) => post<Preview>("dispatches/preview", JSON.parse(settled) as DispatchRequest, { signal, background: true }),
    enabled: settled !== "null",
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
    staleTime: 0,
    gcTime: TOO_OLD_MS,
    retry: false,
  });
  if (request === null) return { preview: undefined, error: null, isChecking: false, isCurrent: false };
  const isFresh = found.isSuccess && !found.isPlaceholderData && now - Date.parse(found.data.at) < TOO_OLD_MS;
  return {
    preview: found.data,
    error: found.isFetching ? null : found.error,
    // A repeated check of the same request goes on behind the scenes.
    isChecking: settled !== asked || (found.isFetching && !isFresh),
    isCurrent: settled === asked && isFresh,
  };
}
