// A new rotated box: one side is dragged, its width is pulled out, a click sets it. A finger, which
// points at nothing while it is up, drags both.

import { boundsOf } from "../geometry";
import type { Hand } from "../hand";
import type { AnnotatedObject, Rotated } from "../messages";
import { corners, pulledOut } from "../rotated";
import type { Point } from "../types";
import type { Tool } from "./tool";

const DEGREE = 180 / Math.PI;

export class Turning implements Tool {
  /** The first side, and whether its second end is set. */
  private side: { from: Point; to: Point; set: boolean } | null = null;
  private to: Point | null = null;
  /** The press that sets the width; a finger pulls with it. */
  private pulling = false;

  constructor(private readonly hand: Hand) {}

  get busy(): boolean {
    return this.side !== null;
  }

  get holding(): boolean {
    return this.side?.set === false;
  }

  down(at: Point): void {
    const p = this.hand.snapped(at);
    if (!this.side) this.side = { from: p, to: p, set: false };
    else if (this.side.set) {
      this.to = p;
      this.pulling = true;
    }
  }

  move(at: Point): void {
    const { side } = this;
    if (!side) return;
    if (side.set) this.to = this.hand.snapped(at);
    else side.to = this.hand.snapped(at);
  }

  /** The first side is let go; without a drag its second end is where the next press ends. */
  up(): void {
    const { side } = this;
    if (this.pulling && this.to) this.finish(this.to);
    if (!side || side.set) return;
    if (Math.hypot(side.to.x - side.from.x, side.to.y - side.from.y) <= this.hand.near) return;
    side.set = true;
    this.to = side.to;
    this.hand.say("Pull out the width, click to set it");
  }

  private finish(p: Point): void {
    this.pulling = false;
    const rotated = pulledOut(this.side!.from, this.side!.to, p);
    if (rotated[3] < this.hand.least) return;
    this.drop();
    this.hand.draw({ box: boundsOf(corners(rotated)), rotated }, "rotated");
  }

  lift(): void {
    if (!this.side?.set) this.drop();
    this.pulling = false;
  }

  takeBack(): boolean {
    if (!this.busy) return false;
    this.drop();
    return true;
  }

  keep(): boolean {
    return true;
  }

  enter(): boolean {
    if (!this.busy) return false;
    if (this.side?.set && this.to) this.finish(this.to);
    return true;
  }

  drop(): void {
    this.side = this.to = null;
    this.pulling = false;
  }

  live(ctx: CanvasRenderingContext2D): void {
    const { hand, side } = this;
    const { at, stage } = hand;
    if (!side) {
      if (!at) return;
      stage.ink.crosshair(ctx, at);
      return stage.ink.label(ctx, hand.label, at);
    }
    const rotated = pulledOut(side.from, side.to, this.to ?? side.to);
    if (side.set) this.box(ctx, rotated);
    stage.ink.line(ctx, side.from, side.to);
    const degrees = `${Math.round(rotated[4] * DEGREE)}°`;
    const size = `${Math.round(rotated[2])} × ${Math.round(rotated[3])}`;
    if (at) stage.ink.label(ctx, side.set ? `${size}, ${degrees}` : degrees, at);
  }

  private box(ctx: CanvasRenderingContext2D, rotated: Rotated): void {
    const shape = { box: boundsOf(corners(rotated)), rotated };
    this.hand.stage.ink.outline(ctx, { shape } as AnnotatedObject, true);
  }
}
