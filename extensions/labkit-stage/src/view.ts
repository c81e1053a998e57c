// Where a pixel of the frame lies on the stage: stage = frame * k + (tx, ty), in CSS pixels.

import type { Point } from "./types";

const LEAST = 0.02;
const MOST = 64;

export class View {
  k = 1;
  tx = 0;
  ty = 0;
  /** Whether the frame is fitted, and stays so when the stage changes its size. */
  fitted = true;

  toFrame(p: Point): Point {
    return { x: (p.x - this.tx) / this.k, y: (p.y - this.ty) / this.k };
  }

  toStage(p: Point): Point {
    return { x: p.x * this.k + this.tx, y: p.y * this.k + this.ty };
  }

  fit(frame: { width: number; height: number }, width: number, height: number): void {
    this.k = Math.min(width / frame.width, height / frame.height) || 1;
    this.tx = (width - frame.width * this.k) / 2;
    this.ty = (height - frame.height * this.k) / 2;
    this.fitted = true;
  }

  /** One pixel of the frame on one of the screen, about the middle of the stage. */
  actual(width: number, height: number): void {
    const ratio = window.devicePixelRatio;
    this.zoom({ x: width / 2, y: height / 2 }, 1 / ratio / this.k);
    // between two pixels of the screen it would be blurred
    this.tx = Math.round(this.tx * ratio) / ratio;
    this.ty = Math.round(this.ty * ratio) / ratio;
  }

  zoom(at: Point, factor: number): void {
    const k = Math.min(MOST, Math.max(LEAST, this.k * factor));
    const f = k / this.k;
    this.tx = at.x - (at.x - this.tx) * f;
    this.ty = at.y - (at.y - this.ty) * f;
    this.k = k;
    this.fitted = false;
  }

  pan(dx: number, dy: number): void {
    this.tx += dx;
    this.ty += dy;
    this.fitted = false;
  }

  /** Equal keys paint equal pixels. */
  key(width: number, height: number, ratio: number): string {
    return [this.k, this.tx, this.ty, width, height, ratio].map((v) => v.toFixed(3)).join(" ");
  }
}
