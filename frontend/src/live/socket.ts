// The only file that opens a WebSocket. One socket per tab; a topic is subscribed only while
// something on screen shows it. Snapshot, then numbered deltas: a missing number means that
// something was lost, and the topic is subscribed anew. Deltas are applied once per frame.
import { Store } from "@/lib/store";

export type LinkState = "connecting" | "live" | "lost";

export interface Link {
  state: LinkState;
  /** When the last message came in [epoch ms]; null before the first. */
  lastAt: number | null;
  /** Server clock minus browser clock [ms]. */
  skewMs: number;
  build: string;
  mode: string;
  /** The last interruption that is over, for the "data gap" banner. */
  gap: { from: number; to: number } | null;
}

export interface Sink {
  snapshot(data: unknown): void;
  delta(data: unknown): void;
  error?(code: string, message: string): void;
}

interface Subscription {
  id: string;
  topic: string;
  args: object;
  sink: Sink;
  /** Number of the last message applied; null until the snapshot is here. */
  seq: number | null;
}

type Message =
  | { op: "hello"; server_time: string; build: string; mode: string }
  | { op: "snap"; id: string; seq: number; data: unknown }
  | { op: "delta"; id: string; seq: number; data: unknown }
  | { op: "gap"; id: string }
  | { op: "error"; id?: string; code: string; message: string }
  | { op: "pong"; server_time: string };

export interface Surroundings {
  open(url: string, protocol: string): WebSocket;
  now(): number;
  random(): number;
  later(run: () => void, ms: number): number;
  frame(run: () => void): void;
  onClosedBy(code: number): void;
}

const PROTOCOL = "derms.ui.v1";
const WATCH_MS = 1000;
// Silence in which we ask for a sign of life, and silence after which the link counts as lost.
const QUIET_MS = 1500;
const LOST_MS = 5000;
const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 30_000;
// More deltas than this in one frame means that the tab slept: a new snapshot is cheaper.
const MAX_PENDING = 2000;

export class LiveSocket {
  readonly link = new Store<Link>({
    state: "connecting",
    lastAt: null,
    skewMs: 0,
    build: "",
    mode: "",
    gap: null,
  });

  #socket: WebSocket | null = null;
  #subscriptions = new Map<string, Subscription>();
  #pending: Message[] = [];
  #flushAsked = false;
  #attempts = 0;
  #nextId = 1;
  #lastIn = 0;
  #watchedAt = 0;
  #started = false;

  constructor(
    private readonly url: () => string,
    private readonly around: Surroundings,
  ) {}

  /** Open the link and keep it open; further calls do nothing. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#watchedAt = this.around.now();
    this.#connect();
    this.#watch();
  }

  /** Follow a topic until the returned function is called. */
  subscribe(topic: string, args: object, sink: Sink): () => void {
    const id = `s${this.#nextId++}`;
    const subscription: Subscription = { id, topic, args, sink, seq: null };
    this.#subscriptions.set(id, subscription);
    this.#ask(subscription);
    return () => {
      if (this.#subscriptions.delete(id)) this.#send({ op: "unsub", id });
    };
  }

  #connect(): void {
    const socket = this.around.open(this.url(), PROTOCOL);
    this.#socket = socket;
    this.#lastIn = this.around.now();
    socket.onopen = () => {
      this.#attempts = 0;
      for (const subscription of this.#subscriptions.values()) this.#ask(subscription);
    };
    socket.onmessage = (event) => this.#receive(String(event.data));
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lose(event.code);
    };
  }

  #lose(code: number): void {
    this.#socket = null;
    this.#pending = [];
    for (const subscription of this.#subscriptions.values()) subscription.seq = null;
    this.link.set({ ...this.link.get(), state: "lost" });
    this.around.onClosedBy(code);
    // Full jitter, so that a thousand consoles do not return in the same second.
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.#attempts++);
    const wait = BACKOFF_MIN_MS + this.around.random() * (ceiling - BACKOFF_MIN_MS);
    this.around.later(() => this.#connect(), wait);
  }

  #watch(): void {
    const now = this.around.now();
    const slept = now - this.#watchedAt > 3 * WATCH_MS;
    this.#watchedAt = now;
    // After a sleep of the tab silence says nothing about the link: start counting again.
    if (slept) this.#lastIn = now;
    const quiet = now - this.#lastIn;
    if (this.#socket && quiet > LOST_MS) {
      const dead = this.#socket;
      this.#lose(1006);
      dead.close();
    } else if (quiet > QUIET_MS) {
      this.#send({ op: "ping" });
    }
    this.around.later(() => this.#watch(), WATCH_MS);
  }

  #ask(subscription: Subscription): void {
    subscription.seq = null;
    const { id, topic, args } = subscription;
    this.#send({ op: "sub", id, topic, args });
  }

  #askAgain(subscription: Subscription): void {
    this.#send({ op: "unsub", id: subscription.id });
    this.#ask(subscription);
  }

  #send(message: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as Message;
    this.#lastIn = this.around.now();
    if (message.op === "hello" || message.op === "pong") {
      this.#greet(message);
      return;
    }
    this.#pending.push(message);
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.around.frame(() => this.#flush());
  }

  #greet(message: Message & { op: "hello" | "pong" }): void {
    const old = this.link.get();
    const now = this.around.now();
    const cameBack = old.state === "lost" && old.lastAt !== null;
    this.link.set({
      ...old,
      state: "live",
      lastAt: now,
      skewMs: Date.parse(message.server_time) - now,
      gap: cameBack ? { from: old.lastAt!, to: now } : old.gap,
      ...(message.op === "hello" && { build: message.build, mode: message.mode }),
    });
  }

  #flush(): void {
    this.#flushAsked = false;
    const messages = this.#pending;
    this.#pending = [];
    if (messages.length > MAX_PENDING) {
      for (const subscription of this.#subscriptions.values()) this.#askAgain(subscription);
      return;
    }
    for (const message of messages) this.#apply(message);
    this.link.set({ ...this.link.get(), lastAt: this.#lastIn });
  }

  #apply(message: Message): void {
    const subscription = "id" in message ? this.#subscriptions.get(message.id ?? "") : undefined;
    if (!subscription) return;
    switch (message.op) {
      case "snap":
        subscription.seq = message.seq;
        subscription.sink.snapshot(message.data);
        break;
      case "delta":
        this.#applyDelta(subscription, message.seq, message.data);
        break;
      case "gap":
        this.#askAgain(subscription);
        break;
      case "error":
        subscription.sink.error?.(message.code, message.message);
        break;
    }
  }

  #applyDelta(subscription: Subscription, seq: number, data: unknown): void {
    const { seq: last } = subscription;
    // Before the snapshot, or already part of it.
    if (last === null || seq <= last) return;
    if (seq > last + 1) {
      this.#askAgain(subscription);
      return;
    }
    subscription.seq = seq;
    subscription.sink.delta(data);
  }
}

const meta = (name: string): string => {
  const text = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
  return text.startsWith("{{") ? "" : text;
};

function socketUrl(): string {
  const { protocol, host } = window.location;
  const given = meta("derms-socket-url") || "/ws/ui";
  return given.startsWith("/") ? `${protocol === "https:" ? "wss" : "ws"}://${host}${given}` : given;
}

const LOGIN_NEEDED = 4401;

export const live = new LiveSocket(socketUrl, {
  open: (url, protocol) => new WebSocket(url, protocol),
  now: () => Date.now(),
  random: () => Math.random(),
  later: (run, ms) => window.setTimeout(run, ms),
  // A hidden tab gets no frames; it must still keep its alarms current.
  frame: (run) => {
    if (document.hidden) window.setTimeout(run, 250);
    else window.requestAnimationFrame(run);
  },
  onClosedBy: (code) => {
    if (code !== LOGIN_NEEDED) return;
    const { pathname, search } = window.location;
    window.location.assign(`/login?next=${encodeURIComponent(pathname + search)}`);
  },
});
