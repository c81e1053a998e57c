// Between this page and the kernel's interactor: what has been pointed at goes there, a mask comes back.

import type { Box, FromKernel, MaskMessage, PointingMessage, Shape } from "./messages";
import type { Stage } from "./stage";
import type { Store } from "./store";
import type { Point } from "./types";

export interface Prompt extends Point {
  positive: boolean;
}

const PREVIEW_MS = 50;
const FAST_MS = 150;

export class Pointing {
  points: Prompt[] = [];
  box: Box | null = null;
  answer: MaskMessage | null = null;
  info: PointingMessage | null = null;
  /** Most points of a polygon; 0 for a mask. */
  vertices = 0;
  waiting = false;
  /** What is done with the answer that is awaited. */
  then: (() => void) | null = null;
  private asked = "";
  private previewed = "";
  private flying = false;
  private last = 0;
  private ms = 0;
  private readonly stop: () => void;

  constructor(
    private readonly store: Store,
    private readonly stage: () => Stage,
    private readonly changed: () => void,
    private readonly say: (text: string, urgent?: boolean) => void,
  ) {
    this.stop = store.onShow((message) => this.receive(message));
  }

  destroy(): void {
    this.stop();
  }

  /** Whether something has been pointed at. */
  get busy(): boolean {
    return this.points.length > 0 || this.box !== null;
  }

  get ready(): boolean {
    return this.info?.state === "ready";
  }

  /** Have the kernel open an interactor, by default the one that was used last. */
  open(name = this.info?.name ?? ""): void {
    this.clear();
    this.store.send({ type: "pointing", on: true, name });
  }

  close(): void {
    this.clear();
    this.store.send({ type: "pointing", on: false, name: "" });
  }

  clear(): void {
    this.points = [];
    this.box = this.answer = null;
    this.asked = this.previewed = "";
    this.waiting = false;
    this.then = null;
  }

  // ---- asking

  /** Ask for the mask of what has been pointed at. */
  ask(): void {
    this.previewed = "";
    this.changed();
    if (!this.busy) {
      this.answer = null;
      this.asked = "";
      this.waiting = false;
      return this.stage().paintLive();
    }
    const missing = (this.info?.min_points ?? 0) - this.points.length;
    if (!this.box && missing > 0) {
      this.say(`${missing} more point${missing === 1 ? "" : "s"} needed`);
      return this.stage().paintLive();
    }
    this.asked = crypto.randomUUID();
    this.waiting = true;
    this.send(this.asked, this.points, false);
  }

  /** Ask what a click at a point would give, where that is quick. */
  preview(at: Point): void {
    const now = performance.now();
    const frame = this.store.frame;
    if (!this.ready || this.flying || !frame || now - this.last < PREVIEW_MS) return;
    if (this.ms > FAST_MS || (this.busy && !this.chain)) return;
    if (at.x < 0 || at.y < 0 || at.x > frame.width || at.y > frame.height) return;
    const points = [...this.points, { ...at, positive: true }];
    if (points.length < (this.info?.min_points ?? 0)) return;
    this.last = now;
    this.flying = true;
    window.setTimeout(() => (this.flying = false), 1000);
    this.previewed = crypto.randomUUID();
    this.send(this.previewed, points, true);
  }

  /** What was only shown under the pointer goes with it. */
  endPreview(): void {
    this.previewed = "";
    if (this.answer?.preview) this.answer = null;
  }

  /** A wire that grows from point to point is previewed with the points that are set. */
  private get chain(): boolean {
    return (this.info?.min_points ?? 0) > 1;
  }

  private send(id: string, points: Prompt[], preview: boolean): void {
    this.store.send({
      type: "prompt",
      id,
      preview,
      frame_id: this.store.current,
      points: points.map((p) => [p.x, p.y]),
      labels: points.map((p) => (p.positive ? 1 : 0)),
      box: preview && !this.chain ? null : this.box,
      vertices: this.vertices,
    });
  }

  // ---- answers

  private receive(message: FromKernel): void {
    if (message.type === "pointing") {
      this.info = message;
      if (message.state === "failed") this.say(message.text, true);
      this.ms = 0;
      this.changed();
    }
    if (message.type !== "mask") return;
    if (message.preview) this.flying = false;
    const mine = message.id === (message.preview ? this.previewed : this.asked);
    if (!mine || message.frame_id !== this.store.current) return;
    if (message.ms) this.ms = message.ms;
    if (!message.preview) this.waiting = false;
    if (message.error && !message.preview) this.say(message.error, true);
    this.answer = message.error ? null : message;
    this.stage().paintLive();
    this.changed();
    const { then } = this;
    if (message.preview || !then) return;
    this.then = null;
    if (this.made) then();
    else if (!message.error) this.say("There is nothing to keep", true);
  }

  /** What Enter keeps: the shape, its outline and the tool that made it; null before an answer. */
  get made(): { shape: Shape; rings: number[][]; tool: string } | null {
    const { answer } = this;
    if (!answer?.shape || answer.preview || this.waiting) return null;
    return { shape: answer.shape, rings: answer.rings, tool: this.info?.name ?? "segment" };
  }
}
