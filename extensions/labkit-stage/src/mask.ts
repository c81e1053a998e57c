// A mask under a brush. It is painted on a canvas of the frame's size and sent as COCO RLE.

import { decodeRle, encodeRle } from "./rle";
import type { Point, Rle } from "./types";
import type { View } from "./view";

export class Brush {
  radius = 8;
  private readonly canvas: OffscreenCanvas;
  private readonly ctx: OffscreenCanvasRenderingContext2D;

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
    if (start) this.load(decodeRle(start), color);
  }

  private load(mask: Uint8Array, color: string): void {
    const image = this.ctx.createImageData(this.width, this.height);
    const [r, g, b] = [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16));
    mask.forEach((on, k) => {
      if (on) image.data.set([r, g, b, 255], 4 * k);
    });
    this.ctx.putImageData(image, 0, 0);
  }

  stroke(from: Point, to: Point, erase: boolean): void {
    this.ctx.globalCompositeOperation = erase ? "destination-out" : "source-over";
    this.ctx.lineWidth = 2 * this.radius;
    this.ctx.beginPath();
    this.ctx.moveTo(from.x, from.y);
    this.ctx.lineTo(to.x + 1e-3, to.y);
    this.ctx.stroke();
  }

  paint(ctx: CanvasRenderingContext2D, view: View): void {
    ctx.globalAlpha = 0.5;
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.canvas, view.tx, view.ty, this.width * view.k, this.height * view.k);
    ctx.globalAlpha = 1;
  }

  /** The mask, or null where nothing is left of it. */
  rle(): Rle | null {
    const { data } = this.ctx.getImageData(0, 0, this.width, this.height);
    const mask = new Uint8Array(this.width * this.height);
    let any = false;
    for (let k = 0; k < mask.length; k++) {
      mask[k] = data[4 * k + 3] > 127 ? 1 : 0;
      any ||= mask[k] === 1;
    }
    return any ? encodeRle(mask, this.width, this.height) : null;
  }
}
