import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type {
  Act,
  Answer,
  FrameMessage,
  FromKernel,
  FromPage,
  StatusMessage,
} from "../src/messages";
import { Store } from "../src/store";
import type { Model } from "../src/types";
import { decided } from "../src/visibility";

/** The kernel's end of an anywidget model: it keeps what it is sent, and says what it is told to. */
class Kernel {
  readonly sent: FromPage[] = [];
  private listener: (message: FromKernel) => void = () => undefined;

  readonly model = {
    get: () => ({ id: "r", labels: ["nut"], keys: {}, height: 600 }),
    on: (event: string, callback: (message: FromKernel) => void) => {
      if (event === "msg:custom") this.listener = callback;
    },
    off: () => undefined,
    send: (message: FromPage) => this.sent.push(message),
    widget_manager: { get_model: () => Promise.reject(new Error("no pictures here")) },
  } as unknown as Model;

  say(message: FromKernel): void {
    this.listener(message);
  }

  get acts(): Act[] {
    return this.sent.filter((m): m is Act => m.type === "act");
  }

  answer(act: Act, more: Partial<Answer> = {}): void {
    this.say({
      type: "answer",
      id: act.id,
      ok: true,
      frame_id: act.frame_id,
      revision: act.revision + 1,
      message: "",
      made: {},
      ...more,
    });
  }
}

function frame(place: number, more: Partial<FrameMessage> = {}): FrameMessage {
  return {
    type: "frame",
    frame_id: `f${place}`,
    place,
    revision: 0,
    proposals: 1,
    name: `${place}.jpg`,
    width: 64,
    height: 48,
    state: "new",
    why: "",
    objects: [
      {
        id: `o${place}`,
        label: "nut",
        state: "proposed",
        score: 0.9,
        shape: { box: [1, 1, 9, 9] },
        track: null,
        shown_from: 0.9,
      },
    ],
    image: "",
    error: "",
    ...more,
  };
}

const STATUS: StatusMessage = {
  type: "status",
  place: 0,
  done: 0,
  total: 3,
  states: "nnn",
  changed: [],
  threshold: 0.5,
  active_s: 0,
};

describe("a page", () => {
  let kernel: Kernel;
  let store: Store;

  beforeEach(() => {
    vi.stubGlobal("window", globalThis);
    vi.useFakeTimers();
    kernel = new Kernel();
    store = new Store(kernel.model);
    for (const place of [0, 1, 2]) kernel.say(frame(place));
    kernel.say(STATUS);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  /** A verdict as actions.ts gives it: the next frame is shown at once. */
  function accept(place: number): Act {
    const shown = store.at(place)!;
    const next = store.at(place + 1)!;
    store.imagine(shown, (objects) => objects.map((o) => decided(o, "accepted")), "accepted");
    store.act(
      "accept_frame",
      { threshold: 0.5, proposals: 1 },
      { frame: shown, then: next.frame_id },
    );
    store.goto(next.frame_id);
    return kernel.acts.at(-1)!;
  }

  test("signs what it sends, and numbers its acts and moves", () => {
    const first = accept(0);
    store.move(2, "f2");
    expect(first.client).toBe(store.client);
    expect(kernel.sent.at(-1)).toMatchObject({ type: "goto", client: store.client, number: 2 });
    expect(first.number).toBe(1);
  });

  test("is saved only after the kernel's answer to the last gesture", () => {
    const acts = [accept(0), accept(1)];
    expect(store.light).toBe("saving");
    kernel.answer(acts[0]);
    expect(store.light).toBe("saving");
    kernel.answer(acts[1]);
    expect(store.light).toBe("saved");
    expect(store.at(1)?.revision).toBe(1);
  });

  test("says that nobody answers", () => {
    accept(0);
    vi.advanceTimersByTime(6000);
    expect(store.light).toBe("silent");
  });

  test("goes back to a frame whose verdict is refused, and stays not saved", () => {
    const [first, second] = [accept(0), accept(1)];
    kernel.answer(first, { ok: false, message: "This was not saved" });
    expect(store.current).toBe("f0");
    kernel.answer(second);
    expect(store.light).toBe("refused"); // what came after it does not save it
    store.act("skip", {}, { then: "f1" });
    expect(kernel.acts.at(-1)?.refusals).toBe(1);
  });

  test("keeps what a gesture shows until the last answer on that frame", () => {
    const act = accept(0);
    kernel.say(frame(0, { why: "sent before the gesture arrived" }));
    expect(store.at(0)?.objects[0].state).toBe("accepted");
    kernel.answer(act);
    kernel.say(frame(0, { revision: 1, state: "accepted" }));
    expect(store.at(0)?.objects[0].state).toBe("proposed"); // what the kernel says counts
  });

  test("is not pulled back to where it was by a kernel that lags", () => {
    accept(0);
    kernel.say({ type: "at", frame_id: "f0", by: "", done: {} });
    expect(store.current).toBe("f1");
    kernel.say({ type: "at", frame_id: "f2", by: "", done: { [store.client]: 1 } });
    expect(store.current).toBe("f2");
  });

  test("does not let an old status move the threshold that is under the hand", () => {
    store.setThreshold(0.7);
    kernel.say({ ...STATUS, states: "", changed: [[1, "a"]] });
    expect(store.status.threshold).toBe(0.7);
    expect(store.status.states).toBe("nan");
    kernel.say({ type: "threshold", by: store.client });
    kernel.say({ ...STATUS, threshold: 0.6 });
    expect(store.status.threshold).toBe(0.6);
  });

  test("takes the kernel's names for what was drawn here", () => {
    store.act("add", { objects: [{ id: "new-1", label: "nut", shape: { box: [1, 1, 9, 9] } }] });
    kernel.answer(kernel.acts[0], { made: { "new-1": "r0001-7" } });
    expect(store.made.get("new-1")).toBe("r0001-7");
  });

  test("forgets the frames that have left the window, but not the one that is shown", () => {
    kernel.say({ type: "drop", frame_ids: ["f0", "f2"] });
    expect(store.at(2)).toBeNull();
    expect(store.frame?.frame_id).toBe("f0");
  });
});
