// A mask under a brush. It is painted on a canvas of the frame's size and sent as COCO RLE.

import { flood, MARK } from "./flood";
import { boundsOf } from "./geometry";
import type { Box, Rle } from "./messages";
import { decodeRle, encodeRle } from "./rle";
import { Steps } from "./steps";
import type { Point } from "./types";
import type { View } from "./view";

/** From this alpha value on a pixel belongs to the mask. */
const INSIDE = 128;

export type Filled = "done" | "open" | "painted" | "empty";

export class Brush {
  private readonly canvas: OffscreenCanvas;
  private readonly ctx: OffscreenCanvasRenderingContext2D;
  private readonly steps: Steps;
  /** The colour as a little-endian pixel. */
  private readonly pixel: number;
  /** Nothing is painted outside of it. */
  private bounds: Box | null = null;

  constructor(
    readonly width: number,
    readonly height: number,
    start: Rle | undefined,
    color: string,
  ) {
    this.canvas = new OffscreenCanvas(width, height);
    this.ctx = this.canvas.getContext("2d", { willReadFrequently: true })!;
    this.ctx.fillStyle = this.ctx.strokeStyle = color;
    this.ctx.lineCap = this.ctx.lineJoin = "round";
    this.steps = new Steps(this.ctx, width, height);
    const [r, g, b] = [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16));
    this.pixel = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    if (start) this.load(decodeRle(start));
  }

  private load(mask: Uint8Array): void {
    const image = this.ctx.createImageData(this.width, this.height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let k = 0; k < mask.length; k++) if (mask[k]) pixels[k] = this.pixel;
    this.ctx.putImageData(image, 0, 0);
    this.bounds = [0, 0, this.width, this.height];
  }

  /** How many strokes can be taken back. */
  get strokes(): number {
    return this.steps.length;
  }

  /** A stroke begins: what follows until the next one is taken back as one. */
  begin(): void {
    this.steps.begin();
  }

  takeBack(): boolean {
    return this.steps.takeBack(this.pixel);
  }

  stroke(from: Point, to: Point, radius: number, erase: boolean): void {
    this.touch([from, to], radius + 1);
    this.ctx.globalCompositeOperation = erase ? "destination-out" : "source-over";
    this.ctx.lineWidth = 2 * radius;
    this.ctx.beginPath();
    this.ctx.moveTo(from.x, from.y);
    this.ctx.lineTo(to.x + 1e-3, to.y);
    this.ctx.stroke();
  }

  /** Fill the inside of an outline. */
  outline(points: Point[], erase: boolean): void {
    this.touch(points, 1);
    this.ctx.globalCompositeOperation = erase ? "destination-out" : "source-over";
    this.ctx.beginPath();
    for (const p of points) this.ctx.lineTo(p.x, p.y);
    this.ctx.fill();
  }

  private touch(points: Point[], margin: number): void {
    const [x1, y1, x2, y2] = boundsOf(points);
    const box: Box = [x1 - margin, y1 - margin, x2 + margin, y2 + margin];
    this.steps.remember(box);
    const b = this.bounds ?? box;
    this.bounds = [
      Math.min(b[0], box[0]),
      Math.min(b[1], box[1]),
      Math.max(b[2], box[2]),
      Math.max(b[3], box[3]),
    ];
  }

  /** The part of the frame where something may be painted, in whole pixels. */
  private get window(): [number, number, number, number] | null {
    if (!this.bounds) return null;
    const x1 = Math.max(0, Math.floor(this.bounds[0]));
    const y1 = Math.max(0, Math.floor(this.bounds[1]));
    const x2 = Math.min(this.width, Math.ceil(this.bounds[2]));
    const y2 = Math.min(this.height, Math.ceil(this.bounds[3]));
    return x2 > x1 && y2 > y1 ? [x1, y1, x2 - x1, y2 - y1] : null;
  }

  /** Fill the area around a point that the mask encloses, or remove the painted area there. */
  fill(at: Point, remove: boolean): Filled {
    const { window } = this;
    const [x0, y0, w, h] = window ?? [0, 0, 0, 0];
    const [x, y] = [Math.floor(at.x) - x0, Math.floor(at.y) - y0];
    if (x < 0 || y < 0 || x >= w || y >= h) return remove ? "empty" : "open";
    const image = this.ctx.getImageData(x0, y0, w, h);
    const pixels = new Uint32Array(image.data.buffer);
    const mask = new Uint8Array(w * h);
    for (let k = 0; k < mask.length; k++) mask[k] = pixels[k] >>> 31; // alpha of INSIDE or more
    const inside = mask[y * w + x] === 1;
    if (inside !== remove) return inside ? "painted" : "empty";
    const area = flood(mask, w, h, x, y, remove);
    if (area.open && !remove) return "open";
    const [x1, y1, x2, y2] = area.box;
    const values = new Uint8Array((x2 - x1) * (y2 - y1));
    for (let row = y1; row < y2; row++)
      values.set(mask.subarray(row * w + x1, row * w + x2), (row - y1) * (x2 - x1));
    recolour(mask, pixels, w, area.box, remove ? 0 : this.pixel, remove ? 0 : 1);
    const was = remove ? this.pixel : 0;
    this.steps.filled({ x: x0 + x1, y: y0 + y1, w: x2 - x1, h: y2 - y1, values, was });
    this.ctx.putImageData(image, x0, y0, x1 - 1, y1 - 1, x2 - x1 + 2, y2 - y1 + 2);
    return "done";
  }

  paint(ctx: CanvasRenderingContext2D, view: View): void {
    if (!this.window) return;
    // no more than what is painted on: a whole large frame at each move is slow
    const [x, y, w, h] = this.window;
    const p = view.toStage({ x, y });
    ctx.globalAlpha = 0.5;
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.canvas, x, y, w, h, p.x, p.y, w * view.k, h * view.k);
    ctx.globalAlpha = 1;
  }

  /** The mask, or null where nothing is left of it. */
  rle(): Rle | null {
    const { data } = this.ctx.getImageData(0, 0, this.width, this.height);
    const mask = new Uint8Array(this.width * this.height);
    let any = false;
    for (let k = 0; k < mask.length; k++) {
      mask[k] = data[4 * k + 3] >= INSIDE ? 1 : 0;
      any ||= mask[k] === 1;
    }
    return any ? encodeRle(mask, this.width, this.height) : null;
  }
}

/** Colour what is marked and the half transparent seam around it, whose pixels are `around`. */
function recolour(
  mask: Uint8Array,
  pixels: Uint32Array,
  width: number,
  box: Box,
  color: number,
  around: number,
): void {
  const [x1, y1, x2, y2] = box;
  for (let row = y1; row < y2; row++)
    for (let at = row * width + x1; at < row * width + x2; at++) {
      if (mask[at] !== MARK) continue;
      pixels[at] = color;
      if (mask[at - width] === around) pixels[at - width] = color;
      if (mask[at + width] === around) pixels[at + width] = color;
      if (mask[at - 1] === around) pixels[at - 1] = color;
      if (mask[at + 1] === around) pixels[at + 1] = color;
    }
}
