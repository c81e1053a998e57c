// A new box: dragged from corner to corner.

import { boxOf } from "../geometry";
import type { Hand } from "../hand";
import type { AnnotatedObject } from "../messages";
import type { Point } from "../types";
import type { Tool } from "./tool";

export class Boxing implements Tool {
  private drag: { from: Point; to: Point } | null = null;

  constructor(private readonly hand: Hand) {}

  get busy(): boolean {
    return this.drag !== null;
  }

  get holding(): boolean {
    return this.busy;
  }

  down(at: Point): void {
    const from = this.hand.snapped(at);
    this.drag = { from, to: from };
  }

  move(at: Point): void {
    if (this.drag) this.drag.to = this.hand.snapped(at);
  }

  up(): void {
    const { drag } = this;
    this.drag = null;
    if (drag) this.hand.draw({ box: boxOf(drag.from, drag.to) }, "box");
  }

  lift(): void {
    this.drop();
  }

  takeBack(): boolean {
    if (!this.busy) return false;
    this.drop();
    return true;
  }

  keep(): boolean {
    return true;
  }

  drop(): void {
    this.drag = null;
  }

  live(ctx: CanvasRenderingContext2D): void {
    const { hand, drag } = this;
    const { at, stage } = hand;
    if (drag) {
      const box = boxOf(drag.from, drag.to);
      stage.ink.outline(ctx, { shape: { box } } as AnnotatedObject, true);
      const size = `${Math.round(box[2] - box[0])} × ${Math.round(box[3] - box[1])}`;
      if (at) stage.ink.label(ctx, size, at);
    } else if (at) {
      stage.ink.crosshair(ctx, at);
      stage.ink.label(ctx, hand.label, at);
    }
  }
}
