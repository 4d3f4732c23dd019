// Topics as React values: one subscription per topic and arguments, shared by all who show it.
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { Store } from "@/lib/store";
import { live, type Link } from "./socket";

export interface TopicState<T> {
  data: T | null;
  error: string | null;
}

export type Reducer<T> = (old: T, delta: unknown) => T;

/** Deltas are whole objects; fields they lack keep their value. */
export function mergeFields<T>(old: T, delta: unknown): T {
  return { ...old, ...(delta as Partial<T>) };
}

/** Deltas are rows that replace the row of the same key or are added. */
export function mergeRows<R extends object>(key: keyof R): Reducer<R[]> {
  return (old, delta) => {
    const rows = new Map(old.map((row) => [row[key], row]));
    for (const row of (Array.isArray(delta) ? delta : [delta]) as R[]) {
      rows.set(row[key], { ...rows.get(row[key]), ...row });
    }
    return [...rows.values()];
  };
}

class Topic<T> {
  readonly store = new Store<TopicState<T>>({ data: null, error: null });
  readonly deltas = new Set<(delta: unknown) => void>();
  #users = 0;
  #leave: (() => void) | null = null;

  constructor(
    private readonly name: string,
    private readonly args: object,
    private readonly reduce: Reducer<T>,
  ) {}

  enter(): () => void {
    if (this.#users++ === 0) {
      this.#leave = live.subscribe(this.name, this.args, {
        snapshot: (data) => this.store.set({ data: data as T, error: null }),
        delta: (delta) => this.#apply(delta),
        error: (_code, message) => this.store.set({ data: null, error: message }),
      });
    }
    return () => {
      if (--this.#users > 0) return;
      this.#leave?.();
      this.store.set({ data: null, error: null });
    };
  }

  #apply(delta: unknown): void {
    const { data } = this.store.get();
    if (data !== null) this.store.set({ data: this.reduce(data, delta), error: null });
    for (const listener of this.deltas) listener(delta);
  }
}

const topics = new Map<string, Topic<unknown>>();

function topicOf<T>(name: string, args: object, reduce: Reducer<T>): Topic<T> {
  const key = `${name} ${JSON.stringify(args)}`;
  let found = topics.get(key) as Topic<T> | undefined;
  if (!found) {
    found = new Topic(name, args, reduce);
    topics.set(key, found as Topic<unknown>);
  }
  return found;
}

const NO_ARGS = {};

/** Follow a topic while the component is on screen. */
export function useTopic<T>(
  name: string,
  reduce: Reducer<T> = mergeFields,
  onDelta?: (delta: unknown) => void,
): TopicState<T> {
  const topic = useMemo(() => topicOf<T>(name, NO_ARGS, reduce), [name, reduce]);
  const listener = useRef(onDelta);
  useEffect(() => {
    listener.current = onDelta;
  });
  useEffect(() => {
    const hear = (delta: unknown): void => listener.current?.(delta);
    topic.deltas.add(hear);
    const leave = topic.enter();
    return () => {
      topic.deltas.delete(hear);
      leave();
    };
  }, [topic]);
  return useSyncExternalStore(topic.store.subscribe, topic.store.get);
}

export function useLink(): Link {
  return useSyncExternalStore(live.link.subscribe, live.link.get);
}

/** Whether what is on screen is current and commands may be sent. */
export function useConnected(): boolean {
  const state = (): boolean => live.link.get().state === "live";
  return useSyncExternalStore(live.link.subscribe, state);
}
