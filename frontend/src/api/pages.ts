// Cursor pages as one growing list; no screen ever asks for an unbounded one.
import { useInfiniteQuery } from "@tanstack/react-query";
import { get, query } from "./client";
import type { Page } from "./types";

export interface Pages<T> {
  rows: T[];
  isLoading: boolean;
  error: Error | null;
  hasMore: boolean;
  busy: boolean;
  more: () => void;
  refetch: () => void;
}

type Params = Parameters<typeof query>[0];

/** The path of a page's address; the origin the server thinks it has may not be the browser's. */
function pathOf(address: string): string {
  const { pathname, search } = new URL(address, window.location.origin);
  return pathname + search;
}

export function usePages<T>(path: string, params: Params = {}, options: { refetchMs?: number } = {}): Pages<T> {
  const found = useInfiniteQuery({
    queryKey: [path, params],
    queryFn: ({ pageParam, signal }) => get<Page<T>>(pageParam ? pathOf(pageParam) : path + query(params), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: options.refetchMs ?? false,
  });
  return {
    rows: found.data?.pages.flatMap((page) => page.results) ?? [],
    isLoading: found.isLoading,
    error: found.data ? null : found.error,
    hasMore: found.hasNextPage,
    busy: found.isFetchingNextPage,
    more: () => void found.fetchNextPage(),
    refetch: () => void found.refetch(),
  };
}
