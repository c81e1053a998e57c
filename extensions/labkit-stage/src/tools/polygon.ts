// A new polygon, point by point; the first point or a double click closes it.

import { polygonShape } from "../geometry";
import type { Hand } from "../hand";
import type { AnnotatedObject } from "../messages";
import type { Point } from "../types";
import type { Press, Tool } from "./tool";

export class Outlining implements Tool {
  private points: Point[] = [];
  /** The last point is under the pointer still. */
  private held = false;

  constructor(private readonly hand: Hand) {}

  get busy(): boolean {
    return this.points.length > 0;
  }

  down(at: Point, press: Press): void {
    const first = this.points[0];
    const closes = first && Math.hypot(first.x - at.x, first.y - at.y) <= this.hand.near;
    if (this.points.length >= 3 && (closes || press.detail > 1)) this.close();
    else {
      this.points.push(this.hand.snapped(at));
      this.held = true;
    }
  }

  move(): void {}

  up(): void {
    this.held = false;
  }

  lift(): void {
    if (this.held) this.points.pop();
    this.held = false;
  }

  private close(): void {
    const points = this.points;
    this.points = [];
    this.hand.draw(polygonShape(points), "polygon");
  }

  takeBack(): boolean {
    return this.points.pop() !== undefined;
  }

  keep(): boolean {
    if (this.points.length >= 3) this.close();
    return true;
  }

  enter(): boolean {
    if (!this.busy) return false;
    this.keep();
    this.hand.setTool("select");
    return true;
  }

  drop(): void {
    this.points = [];
    this.held = false;
  }

  live(ctx: CanvasRenderingContext2D): void {
    const { at, stage } = this.hand;
    if (!this.points.length) return;
    const end = at ? [stage.view.toFrame(at)] : [];
    stage.ink.outline(
      ctx,
      { shape: polygonShape([...this.points, ...end]) } as AnnotatedObject,
      true,
    );
    stage.ink.handles(ctx, { shape: polygonShape(this.points) } as AnnotatedObject);
  }
}
