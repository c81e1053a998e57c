// What a mask was before each stroke, so that strokes can be taken back. A stroke remembers tiles
// of alpha values, a filled area the pixels that it has filled.

import { MARK } from "./flood";
import type { Box } from "./messages";

type Context = OffscreenCanvasRenderingContext2D;

interface Part {
  x: number;
  y: number;
  w: number;
  h: number;
  /** Alpha values of a tile, or MARK where an area has been filled. */
  values: Uint8Array;
  /** What the filled area was; undefined for a tile. */
  was?: number;
}

const TILE = 256;
const MOST_BYTES = 96e6;

export class Steps {
  private readonly steps: Map<number, Part>[] = [];
  private bytes = 0;

  constructor(
    private readonly ctx: Context,
    private readonly width: number,
    private readonly height: number,
  ) {}

  get length(): number {
    return this.steps.length;
  }

  /** A stroke begins; the oldest ones are forgotten where they are many. */
  begin(): void {
    this.steps.push(new Map());
    while (this.bytes > MOST_BYTES && this.steps.length > 2)
      for (const { values } of this.steps.shift()!.values()) this.bytes -= values.length;
  }

  private put(key: number, part: Part): void {
    this.steps[this.steps.length - 1].set(key, part);
    this.bytes += part.values.length;
  }

  /** Remember a part of the mask before it is painted on. */
  remember([x1, y1, x2, y2]: Box): void {
    const step = this.steps[this.steps.length - 1];
    const last = (v: number, size: number) => Math.floor((Math.min(v, size) - 1e-6) / TILE);
    for (let j = Math.max(0, Math.floor(y1 / TILE)); j <= last(y2, this.height); j++)
      for (let i = Math.max(0, Math.floor(x1 / TILE)); i <= last(x2, this.width); i++)
        if (!step.has(j * 65536 + i)) this.put(j * 65536 + i, this.tile(i * TILE, j * TILE));
  }

  private tile(x: number, y: number): Part {
    const [w, h] = [Math.min(TILE, this.width - x), Math.min(TILE, this.height - y)];
    const { data } = this.ctx.getImageData(x, y, w, h);
    const values = new Uint8Array(w * h);
    for (let k = 0; k < values.length; k++) values[k] = data[4 * k + 3];
    return { x, y, w, h, values };
  }

  /** A step of its own: an area that was unpainted (0) or painted, and is the other now. */
  filled(part: Part): void {
    this.begin();
    this.put(0, part);
  }

  /** Paint what was there before the last stroke; false where there is none. */
  takeBack(color: number): boolean {
    const step = this.steps.pop();
    if (!step) return false;
    for (const { x, y, w, h, values, was } of step.values()) {
      const image =
        was === undefined ? this.ctx.createImageData(w, h) : this.ctx.getImageData(x, y, w, h);
      const pixels = new Uint32Array(image.data.buffer);
      for (let k = 0; k < values.length; k++)
        if (was === undefined) pixels[k] = (values[k] << 24) | (color & 0xffffff);
        else if (values[k] === MARK) pixels[k] = was;
      this.ctx.putImageData(image, x, y);
      this.bytes -= values.length;
    }
    return true;
  }
}
