// Pointing at an object: clicks and boxes go to the kernel's interactor, its mask comes back.

import { boxOf } from "./geometry";
import type {
  AnnotatedObject,
  Box,
  FromKernel,
  MaskMessage,
  PointingMessage,
  Shape,
} from "./messages";
import type { Stage } from "./stage";
import type { Store } from "./store";
import { isBackground, type Press } from "./tools/tool";
import type { Point } from "./types";

interface Prompt extends Point {
  positive: boolean;
}

const CLICK = 4;
const PREVIEW_MS = 50;
const FAST_MS = 150;

export class Pointing {
  points: Prompt[] = [];
  box: Box | null = null;
  answer: MaskMessage | null = null;
  info: PointingMessage | null = null;
  /** Most points of a polygon; 0 for a mask. */
  vertices = 0;
  /** The object whose shape is replaced, where one was selected. */
  target: string | null = null;
  waiting = false;
  /** What is done with the answer that is awaited. */
  then: (() => void) | null = null;
  private pressed: { at: Point; to: Point; positive: boolean; collect: boolean } | null = null;
  private collecting = false;
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

  on(target: string | null): void {
    this.clear();
    this.target = target;
    this.store.send({ type: "pointing", on: true, name: this.info?.name ?? "" });
  }

  off(): void {
    this.clear();
    this.store.send({ type: "pointing", on: false, name: "" });
  }

  choose(name: string): void {
    this.clear();
    this.store.send({ type: "pointing", on: true, name });
  }

  clear(): void {
    this.points = [];
    this.box = this.answer = this.pressed = null;
    this.asked = this.previewed = "";
    this.waiting = this.collecting = false;
    this.then = null;
  }

  // ---- the pointer

  down(at: Point, event: Press, near: number): void {
    // its points are those of the mask that is kept
    if (this.then) return this.say("The mask is being kept: one moment");
    const hit = this.points.findIndex((p) => Math.hypot(p.x - at.x, p.y - at.y) <= near);
    if (hit >= 0) {
      this.points.splice(hit, 1);
      return this.ask();
    }
    const positive = !isBackground(event);
    this.pressed = { at, to: at, positive, collect: event.ctrlKey || event.metaKey };
  }

  /** The press was the beginning of something else, such as a pinch. */
  lift(): void {
    this.pressed = null;
  }

  /** The pointer is gone, and with it what was only shown under it. */
  left(): void {
    this.previewed = "";
    if (this.answer?.preview) this.answer = null;
  }

  move(at: Point): void {
    if (this.pressed) this.pressed.to = at;
    else this.preview(at);
  }

  up(): void {
    const pressed = this.pressed;
    this.pressed = null;
    if (!pressed) return;
    if (this.isDrag(pressed)) {
      if (!this.info?.takes.includes("box"))
        return this.say("This model takes no boxes: click instead", true);
      this.box = this.inside(boxOf(pressed.at, pressed.to));
    } else {
      const takes = this.info?.takes ?? [];
      if (!pressed.positive && this.ready && !takes.includes("negative points"))
        return this.say("This model takes no points of the background", true);
      this.points.push({ ...this.within(pressed.at), positive: pressed.positive });
    }
    this.collecting = pressed.collect;
    if (!this.collecting) this.ask();
    this.changed();
  }

  private isDrag({ at, to }: { at: Point; to: Point }): boolean {
    return Math.hypot(to.x - at.x, to.y - at.y) * this.stage().view.k > CLICK;
  }

  /** Without the last point, or without the box where there is none. */
  takeBack(): boolean {
    if (!this.busy) return false;
    this.then = null;
    if (!this.points.pop()) this.box = null;
    this.ask();
    return true;
  }

  /** Ctrl was let go: what was collected is asked for. */
  released(): void {
    if (!this.collecting) return;
    this.collecting = false;
    this.ask();
  }

  private within(p: Point): Point {
    const frame = this.store.frame!;
    return {
      x: Math.min(Math.max(p.x, 0), frame.width),
      y: Math.min(Math.max(p.y, 0), frame.height),
    };
  }

  private inside(box: Box): Box {
    const [a, b] = [this.within({ x: box[0], y: box[1] }), this.within({ x: box[2], y: box[3] })];
    return [a.x, a.y, b.x, b.y];
  }

  // ---- asking

  ask(): void {
    this.previewed = "";
    this.changed();
    if (!this.busy) {
      this.answer = null;
      this.asked = "";
      this.waiting = false;
      return this.stage().paintLive();
    }
    const least = this.info?.min_points ?? 0;
    if (!this.box && this.points.length < least) {
      this.say(
        `${least - this.points.length} more point${least - this.points.length === 1 ? "" : "s"} needed`,
      );
      return this.stage().paintLive();
    }
    this.asked = crypto.randomUUID();
    this.waiting = true;
    this.send(this.asked, this.points, false);
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

  /** A wire that grows from point to point is previewed with the points that are set. */
  private get chain(): boolean {
    return (this.info?.min_points ?? 0) > 1;
  }

  private preview(at: Point): void {
    const now = performance.now();
    const frame = this.store.frame;
    if (!this.ready || this.flying || !frame || now - this.last < PREVIEW_MS) return;
    if (this.ms > FAST_MS || (this.busy && !this.chain) || this.collecting) return;
    if (at.x < 0 || at.y < 0 || at.x > frame.width || at.y > frame.height) return;
    const points = [...this.points, { ...at, positive: true }];
    if (points.length < (this.info?.min_points ?? 0)) return;
    this.last = now;
    this.flying = true;
    window.setTimeout(() => (this.flying = false), 1000);
    this.previewed = crypto.randomUUID();
    this.send(this.previewed, points, true);
  }

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

  // ---- drawing

  live(ctx: CanvasRenderingContext2D): void {
    const { view } = this.stage();
    const stage = this.stage();
    if (this.answer) {
      const color = this.store.config.looks.added.color;
      for (const ring of this.answer.rings) this.ring(ctx, ring, color, this.answer.preview);
    }
    const box =
      this.pressed && this.isDrag(this.pressed)
        ? boxOf(this.pressed.at, this.pressed.to)
        : this.box;
    if (box) stage.ink.outline(ctx, { shape: { box } } as AnnotatedObject, false);
    for (const p of this.points) {
      const { x, y } = view.toStage(p);
      ctx.beginPath();
      ctx.arc(x, y, 7, 0, 2 * Math.PI);
      ctx.fillStyle = p.positive ? "#00845f" : "#c04a00";
      ctx.fill();
      ctx.lineWidth = 2;
      ctx.strokeStyle = "#ffffff";
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x - 3.5, y);
      ctx.lineTo(x + 3.5, y);
      if (p.positive) {
        ctx.moveTo(x, y - 3.5);
        ctx.lineTo(x, y + 3.5);
      }
      ctx.stroke();
    }
  }

  private ring(ctx: CanvasRenderingContext2D, flat: number[], color: string, faint: boolean): void {
    const { view } = this.stage();
    ctx.beginPath();
    for (let k = 0; k < flat.length; k += 2) {
      const p = view.toStage({ x: flat[k], y: flat[k + 1] });
      if (k) ctx.lineTo(p.x, p.y);
      else ctx.moveTo(p.x, p.y);
    }
    ctx.closePath();
    ctx.globalAlpha = faint ? 0.2 : 0.4;
    ctx.fillStyle = color;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.setLineDash(faint ? [4, 3] : []);
    for (const [width, style] of [
      [4, "rgba(0, 0, 0, 0.55)"],
      [2, "#ffffff"],
    ] as const) {
      ctx.lineWidth = width;
      ctx.strokeStyle = style;
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }
}
