// Painting a mask: brush, eraser and fill share one unfinished mask.

import { polygonShape } from "../geometry";
import type { Hand } from "../hand";
import { Brush } from "../mask";
import type { AnnotatedObject, Box, Shape } from "../messages";
import type { Point } from "../types";
import { isBackground, type Press, type Tool } from "./tool";

type Drag =
  | { kind: "stroke"; last: Point; erase: boolean }
  | { kind: "fill"; at: Point; erase: boolean }
  | { kind: "outline"; points: Point[]; erase: boolean };

const REFUSED = {
  open: "The painting does not close around this place",
  painted: "This is painted: Alt takes it away",
  empty: "Nothing is painted here",
};

export class Painting implements Tool {
  readonly takesRight = true;
  /** The object whose mask is painted on, where one was selected. */
  target: string | null = null;
  private brush: Brush | null = null;
  private radius = 0;
  private drag: Drag | null = null;
  /** Whether anything has been painted, though it may have been taken back. */
  private touched = false;

  constructor(private readonly hand: Hand) {}

  get busy(): boolean {
    return this.drag !== null || (this.brush?.strokes ?? 0) > 0;
  }

  get holding(): boolean {
    return this.drag !== null && this.drag.kind !== "fill";
  }

  get lifted(): Iterable<string> {
    return this.target ? [this.target] : [];
  }

  on(): void {
    const { hand } = this;
    const frame = hand.store.frame;
    if (!frame) return;
    const on = hand.picked.length === 1 ? hand.picked[0] : null;
    const color = hand.store.config.looks[on?.state ?? "added"].color;
    this.target = on?.shape.mask ? on.id : null;
    this.brush = new Brush(frame.width, frame.height, on?.shape.mask, color);
    this.radius ||= Math.max(2, frame.width / 60);
    this.touched = false;
  }

  // ---- the pointer

  down(at: Point, press: Press): void {
    if (!this.brush) {
      this.on();
      this.hand.stage.paint();
    }
    const { brush } = this;
    const { tool } = this.hand;
    const erase = tool === "eraser" || isBackground(press);
    if (!brush) return;
    if (tool === "fill") {
      this.drag = { kind: "fill", at, erase };
      return;
    }
    if (press.shiftKey) {
      this.drag = { kind: "outline", points: [at], erase };
      return;
    }
    this.drag = { kind: "stroke", last: at, erase };
    brush.begin();
    brush.stroke(at, at, this.radius, erase);
    this.touched = true;
  }

  private fill(brush: Brush, at: Point, remove: boolean): void {
    const done = brush.fill(at, remove);
    if (done === "done") this.touched = true;
    else this.hand.say(REFUSED[done]);
  }

  move(at: Point): void {
    const { drag } = this;
    if (drag?.kind === "outline") drag.points.push(at);
    else if (drag?.kind === "stroke") {
      this.brush?.stroke(drag.last, at, this.radius, drag.erase);
      drag.last = at;
    }
  }

  /** An outline closes where it is let go, and its inside is filled. */
  up(): void {
    const { brush, drag } = this;
    this.drag = null;
    if (brush && drag?.kind === "fill") return this.fill(brush, drag.at, drag.erase);
    if (drag?.kind !== "outline" || drag.points.length < 3) return;
    brush?.begin();
    brush?.outline(drag.points, drag.erase);
    this.touched = true;
  }

  lift(): void {
    if (this.drag?.kind === "stroke") this.brush?.takeBack();
    this.drag = null;
  }

  // ---- keys

  larger(factor: number): void {
    const most = Math.max(this.brush?.width ?? 0, this.brush?.height ?? 0) / 2;
    this.radius = Math.min(Math.max(0.5, this.radius * factor), most);
  }

  takeBack(): boolean {
    if (!this.touched) return false;
    this.drag = null;
    if (!this.brush?.takeBack()) this.hand.say("Nothing more can be taken back");
    return true;
  }

  enter(how: string): boolean {
    if (this.busy) this.keep(how);
    else this.hand.setTool("select");
    return true;
  }

  // ---- what comes of it

  keep(_how: string): boolean {
    const { hand, target } = this;
    const { store, tool } = hand;
    const frame = store.frame;
    if (!this.busy) return true;
    const { brush } = this;
    const mask = brush?.rle();
    if (!mask && target) {
      hand.say("Nothing is left of the mask: reject the object, or Escape brings it back", true);
      return false;
    }
    this.drop();
    hand.putAway();
    if (!frame || !brush || !mask) {
      hand.stage.paint();
      return true;
    }
    store.linger(frame.frame_id, brush);
    const old = frame.objects.find((o) => o.id === target);
    // the kernel works out the box; until then the old one stands
    const box: Box = old?.shape.box ?? [0, 0, frame.width, frame.height];
    const keypoints = old?.shape.keypoints;
    const shape: Shape = { box, mask, ...(keypoints && { keypoints }) };
    if (target) store.act("edit", { edits: [{ object_id: target, shape }] }, { frame, tool });
    else {
      const id = `new-${crypto.randomUUID()}`;
      store.act("add", { objects: [{ id, label: hand.label, shape }] }, { frame, tool });
    }
    hand.say(target ? "Mask changed" : `${hand.label} added`);
    hand.stage.paint();
    hand.changed();
    return true;
  }

  drop(): void {
    this.brush = this.target = this.drag = null;
    this.touched = false;
  }

  rename(name: (id: string) => string): void {
    if (this.target) this.target = name(this.target);
  }

  // ---- drawing

  live(ctx: CanvasRenderingContext2D): void {
    const { drag } = this;
    const { at, stage, tool } = this.hand;
    this.brush?.paint(ctx, stage.view);
    if (drag?.kind === "outline")
      return stage.ink.outline(ctx, { shape: polygonShape(drag.points) } as AnnotatedObject, true);
    if (!at || tool === "fill") return;
    for (const [color, width] of [
      ["rgba(0, 0, 0, 0.55)", 3],
      ["#ffffff", 1.5],
    ] as const) {
      ctx.beginPath();
      ctx.arc(at.x, at.y, this.radius * stage.view.k, 0, 2 * Math.PI);
      ctx.strokeStyle = color;
      ctx.lineWidth = width;
      ctx.stroke();
    }
  }
}
