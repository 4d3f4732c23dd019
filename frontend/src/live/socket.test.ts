import { beforeEach, describe, expect, it } from "vitest";
import { LiveSocket, type Surroundings } from "./socket";

class FakeSocket {
  readyState = 0;
  sent: { op: string; id?: string; topic?: string }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
    this.say({ op: "hello", server_time: "2026-11-21T00:00:00Z", build: "b", mode: "LIVE" });
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  drop(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

let now = 0;
let timers: { at: number; run: () => void }[] = [];
let frames: (() => void)[] = [];
let sockets: FakeSocket[] = [];
let closedBy: number[] = [];
let random = 0.5;

const around: Surroundings = {
  open: () => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket as unknown as WebSocket;
  },
  now: () => now,
  random: () => random,
  later: (run, ms) => timers.push({ at: now + ms, run }),
  frame: (run) => void frames.push(run),
  onClosedBy: (code) => closedBy.push(code),
};

function pass(ms: number): void {
  const end = now + ms;
  for (;;) {
    timers.sort((a, b) => a.at - b.at);
    const next = timers[0];
    if (!next || next.at > end) break;
    timers.shift();
    now = next.at;
    next.run();
  }
  now = end;
}

function draw(): void {
  const due = frames;
  frames = [];
  due.forEach((run) => run());
}

const current = (): FakeSocket => sockets.at(-1)!;

function started(): { live: LiveSocket; seen: unknown[]; id: string } {
  const live = new LiveSocket(() => "ws://x", around);
  const seen: unknown[] = [];
  live.subscribe("groups", {}, {
    snapshot: (data) => seen.push(["snap", data]),
    delta: (data) => seen.push(data),
  });
  live.start();
  current().open();
  const id = current().sent.find((m) => m.op === "sub")!.id!;
  return { live, seen, id };
}

beforeEach(() => {
  now = 1000;
  timers = [];
  frames = [];
  sockets = [];
  closedBy = [];
  random = 0.5;
});

describe("snapshot and deltas", () => {
  it("applies everything of one frame in order, deltas only after the snapshot", () => {
    const { seen, id } = started();
    current().say({ op: "delta", id, seq: 4, data: "early" });
    current().say({ op: "snap", id, seq: 5, data: "all" });
    current().say({ op: "delta", id, seq: 5, data: "in the snapshot" });
    current().say({ op: "delta", id, seq: 6, data: "six" });
    expect(seen).toEqual([]);
    expect(frames).toHaveLength(1);

    draw();

    expect(seen).toEqual([["snap", "all"], "six"]);
  });

  it("asks anew when a number is missing, and drops what came after the hole", () => {
    const { seen, id } = started();
    current().say({ op: "snap", id, seq: 1, data: 0 });
    current().say({ op: "delta", id, seq: 3, data: "after the hole" });
    current().say({ op: "delta", id, seq: 4, data: "too" });
    draw();

    expect(seen).toEqual([["snap", 0]]);
    expect(current().sent.map((m) => m.op)).toEqual(["sub", "unsub", "sub"]);

    current().say({ op: "snap", id, seq: 4, data: "again" });
    draw();
    expect(seen.at(-1)).toEqual(["snap", "again"]);
  });

  it("asks anew when the server says gap", () => {
    const { id } = started();
    current().say({ op: "snap", id, seq: 1, data: 0 });
    current().say({ op: "gap", id });
    draw();
    expect(current().sent.filter((m) => m.op === "sub")).toHaveLength(2);
  });
});

describe("a lost link", () => {
  it("says lost at once, returns with back-off and subscribes again", () => {
    const { live, seen, id } = started();
    current().say({ op: "snap", id, seq: 9, data: 1 });
    draw();
    now = 5000;
    current().drop();
    expect(live.link.get().state).toBe("lost");

    pass(999);
    expect(sockets).toHaveLength(1);
    pass(1);
    expect(sockets).toHaveLength(2);
    current().open();

    expect(live.link.get().state).toBe("live");
    expect(live.link.get().gap).toEqual({ from: 1000, to: 6000 });
    expect(current().sent[0]).toMatchObject({ op: "sub", topic: "groups" });
    current().say({ op: "snap", id, seq: 2, data: "fresh" });
    draw();
    expect(seen.at(-1)).toEqual(["snap", "fresh"]);
  });

  it("waits between 1 and 30 s, longer with every failure", () => {
    started();
    random = 1;
    const waits: number[] = [];
    for (let k = 0; k < 8; k++) {
      const before = sockets.length;
      current().drop();
      const from = now;
      while (sockets.length === before) pass(100);
      waits.push(now - from);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  });

  it("notices a link that is open but silent", () => {
    const { live } = started();
    pass(2500);
    expect(current().sent.at(-1)).toEqual({ op: "ping" });
    expect(live.link.get().state).toBe("live");
    pass(4000);
    expect(live.link.get().state).toBe("lost");
  });

  it("stays live while pongs come", () => {
    const { live } = started();
    for (let k = 0; k < 20; k++) {
      pass(1000);
      current().say({ op: "pong", server_time: "2026-11-21T00:00:00Z" });
    }
    expect(live.link.get().state).toBe("live");
    expect(sockets).toHaveLength(1);
  });

  it("passes the close code on, so that the page can ask for a login", () => {
    started();
    current().drop(4401);
    expect(closedBy).toEqual([4401]);
  });
});

it("stops asking for a topic nobody shows", () => {
  const live = new LiveSocket(() => "ws://x", around);
  live.start();
  current().open();
  const leave = live.subscribe("alarms", {}, { snapshot: () => {}, delta: () => {} });
  leave();
  leave();
  expect(current().sent.map((m) => m.op)).toEqual(["sub", "unsub"]);
});

it("takes a new snapshot instead of thousands of deltas after a sleep", () => {
  const { seen, id } = started();
  current().say({ op: "snap", id, seq: 0, data: 0 });
  for (let seq = 1; seq <= 2500; seq++) current().say({ op: "delta", id, seq, data: seq });
  draw();
  expect(seen).toEqual([]);
  expect(current().sent.filter((m) => m.op === "sub")).toHaveLength(2);
});
