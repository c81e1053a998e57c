// Painting a mask: brush and eraser.

import type { Hand } from "../hand";
import { Brush } from "../mask";
import type { Point, Shape } from "../types";
import type { Press, Tool } from "./tool";

export class Painting implements Tool {
  brush: Brush | null = null;
  /** The object whose mask is painted on, where one was selected. */
  target: string | null = null;
  private drag: { last: Point; erase: boolean } | null = null;

  constructor(private readonly hand: Hand) {}

  get busy(): boolean {
    return this.drag !== null;
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
    this.brush.radius = Math.max(2, frame.width / 60);
  }

  down(at: Point, press: Press): void {
    if (!this.brush) this.on();
    const erase = this.hand.tool === "eraser" || press.altKey;
    this.drag = { last: at, erase };
    this.brush?.stroke(at, at, erase);
  }

  move(at: Point): void {
    const { drag } = this;
    if (!drag) return;
    this.brush?.stroke(drag.last, at, drag.erase);
    drag.last = at;
  }

  up(): void {
    this.drag = null;
  }

  lift(): void {
    this.drop();
  }

  larger(factor: number): void {
    if (this.brush) this.brush.radius *= factor;
  }

  enter(how: string): boolean {
    this.keep(how);
    return true;
  }

  keep(_how: string): void {
    const { hand, target } = this;
    const { store, tool } = hand;
    const frame = store.frame;
    const mask = this.brush?.rle();
    this.drop();
    hand.putAway();
    if (!frame || !mask) return hand.stage.paint();
    const old = frame.objects.find((o) => o.id === target);
    // the kernel works out the box; until then the old one stands
    const shape: Shape = { box: old?.shape.box ?? [0, 0, frame.width, frame.height], mask };
    if (target) store.act("edit", { edits: [{ object_id: target, shape }] }, { frame, tool });
    else {
      const id = `new-${crypto.randomUUID()}`;
      store.act("add", { objects: [{ id, label: hand.label, shape }] }, { frame, tool });
    }
    hand.say(target ? "Mask changed" : `${hand.label} added`);
    hand.stage.paint();
    hand.changed();
  }

  drop(): void {
    this.brush = this.target = this.drag = null;
  }

  rename(name: (id: string) => string): void {
    if (this.target) this.target = name(this.target);
  }

  live(ctx: CanvasRenderingContext2D): void {
    const { at, stage } = this.hand;
    this.brush?.paint(ctx, stage.view);
    if (!at || !this.brush) return;
    ctx.beginPath();
    ctx.arc(at.x, at.y, this.brush.radius * stage.view.k, 0, 2 * Math.PI);
    ctx.strokeStyle = "#ffffff";
    ctx.lineWidth = 1.5;
    ctx.stroke();
  }
}
