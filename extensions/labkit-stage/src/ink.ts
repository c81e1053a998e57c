// What the live layer is made of: outlines, handles, lines, crosshair, words.

import { handlePoints, ringPoints } from "./geometry";
import type { AnnotatedObject } from "./messages";
import { FONT, trace } from "./paint";
import { corners, KNOB, knob, middles } from "./rotated";
import type { Point } from "./types";
import type { View } from "./view";

export class Ink {
  constructor(private readonly view: View) {}

  outline(ctx: CanvasRenderingContext2D, obj: AnnotatedObject, strong: boolean): void {
    trace(ctx, obj, this.view);
    ctx.lineJoin = "round";
    ctx.strokeStyle = strong ? "rgba(255, 255, 255, 0.95)" : "rgba(255, 255, 255, 0.6)";
    ctx.lineWidth = strong ? 2 : 1.5;
    ctx.setLineDash(strong ? [] : [3, 3]);
    ctx.stroke();
    ctx.setLineDash([]);
    if (!strong) return;
    ctx.globalAlpha = 0.14;
    ctx.fillStyle = "#ffffff";
    ctx.fill();
    ctx.globalAlpha = 1;
  }

  handles(ctx: CanvasRenderingContext2D, obj: AnnotatedObject): void {
    const { shape } = obj;
    if (shape.rotated) {
      const top = knob(shape.rotated, KNOB / this.view.k);
      this.line(ctx, middles(shape.rotated)[0], top);
      for (const p of [...corners(shape.rotated), ...middles(shape.rotated)]) this.square(ctx, p);
      this.round(ctx, top);
    } else if (shape.polygons) {
      for (const p of shape.polygons.flatMap(ringPoints)) this.round(ctx, p);
    } else if (!shape.mask) {
      for (const [, p] of handlePoints(shape.box)) this.square(ctx, p);
    }
    (shape.keypoints ?? []).forEach(([x, y, v]) => {
      if (v > 0) this.round(ctx, { x, y });
    });
  }

  line(ctx: CanvasRenderingContext2D, from: Point, to: Point, dash: number[] = []): void {
    ctx.setLineDash(dash);
    const [p, q] = [this.view.toStage(from), this.view.toStage(to)];
    for (const [color, width] of [
      ["rgba(0, 0, 0, 0.55)", 4],
      ["#ffffff", 2],
    ] as const) {
      ctx.strokeStyle = color;
      ctx.lineWidth = width;
      ctx.beginPath();
      ctx.moveTo(p.x, p.y);
      ctx.lineTo(q.x, q.y);
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }

  private square(ctx: CanvasRenderingContext2D, p: Point): void {
    const q = this.view.toStage(p);
    ctx.fillStyle = "#ffffff";
    ctx.strokeStyle = "#1b1f24";
    ctx.lineWidth = 1;
    ctx.fillRect(q.x - 4, q.y - 4, 8, 8);
    ctx.strokeRect(q.x - 4, q.y - 4, 8, 8);
  }

  private round(ctx: CanvasRenderingContext2D, p: Point): void {
    const q = this.view.toStage(p);
    ctx.beginPath();
    ctx.arc(q.x, q.y, 4.5, 0, 2 * Math.PI);
    ctx.fillStyle = "#ffffff";
    ctx.strokeStyle = "#1b1f24";
    ctx.lineWidth = 1;
    ctx.fill();
    ctx.stroke();
  }

  crosshair(ctx: CanvasRenderingContext2D, p: Point): void {
    for (const [color, width] of [
      ["rgba(0,0,0,.5)", 3],
      ["rgba(255,255,255,.9)", 1],
    ] as const) {
      ctx.strokeStyle = color;
      ctx.lineWidth = width;
      ctx.beginPath();
      ctx.moveTo(0, p.y);
      ctx.lineTo(ctx.canvas.width, p.y);
      ctx.moveTo(p.x, 0);
      ctx.lineTo(p.x, ctx.canvas.height);
      ctx.stroke();
    }
  }

  label(ctx: CanvasRenderingContext2D, text: string, at: Point): void {
    ctx.font = FONT;
    ctx.lineWidth = 3;
    ctx.strokeStyle = "rgba(0, 0, 0, 0.85)";
    ctx.strokeText(text, at.x + 8, at.y - 8);
    ctx.fillStyle = "#ffffff";
    ctx.fillText(text, at.x + 8, at.y - 8);
  }
}
