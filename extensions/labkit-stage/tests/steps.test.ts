import { beforeEach, describe, expect, test } from "vitest";

import { MARK } from "../src/flood";
import { Steps } from "../src/steps";

/** The part of a canvas that steps use: pixels in, pixels out. Node has no canvas of its own. */
class Pixels {
  readonly data: Uint32Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint32Array(width * height);
  }

  createImageData(w: number, h: number) {
    return { width: w, height: h, data: new Uint8ClampedArray(4 * w * h) };
  }

  getImageData(x: number, y: number, w: number, h: number) {
    const image = this.createImageData(w, h);
    const out = new Uint32Array(image.data.buffer);
    for (let j = 0; j < h; j++)
      for (let i = 0; i < w; i++) out[j * w + i] = this.data[(y + j) * this.width + x + i];
    return image;
  }

  putImageData(
    image: { width: number; height: number; data: Uint8ClampedArray },
    x: number,
    y: number,
  ) {
    const pixels = new Uint32Array(image.data.buffer);
    for (let j = 0; j < image.height; j++)
      for (let i = 0; i < image.width; i++)
        this.data[(y + j) * this.width + x + i] = seen(pixels[j * image.width + i]);
  }

  paint([x1, y1, x2, y2]: [number, number, number, number], color: number) {
    for (let y = y1; y < y2; y++)
      for (let x = x1; x < x2; x++) this.data[y * this.width + x] = color;
  }
}

/** A canvas keeps no colour where nothing is seen of it. */
const seen = (pixel: number) => (pixel >>> 24 ? pixel : 0);

const COLOR = 0xff2060a0;

describe("steps", () => {
  let pixels: Pixels;
  let steps: Steps;

  beforeEach(() => {
    pixels = new Pixels(600, 300);
    steps = new Steps(pixels as unknown as OffscreenCanvasRenderingContext2D, 600, 300);
  });

  function stroke(box: [number, number, number, number], color = COLOR) {
    steps.begin();
    steps.remember(box);
    pixels.paint(box, color);
  }

  test("strokes are taken back one by one, over the borders of tiles", () => {
    const states = [pixels.data.slice()];
    for (const box of [
      [10, 10, 40, 30],
      [240, 240, 520, 290],
      [20, 20, 60, 60],
    ] as [number, number, number, number][]) {
      stroke(box);
      states.push(pixels.data.slice());
    }
    expect(steps.length).toBe(3);
    for (const before of states.slice(0, 3).reverse()) {
      expect(steps.takeBack(COLOR)).toBe(true);
      expect(pixels.data).toEqual(before);
    }
    expect(steps.takeBack(COLOR)).toBe(false);
  });

  test("what was erased comes back in its colour", () => {
    stroke([10, 10, 40, 30]);
    const painted = pixels.data.slice();
    stroke([0, 0, 100, 100], 0);
    steps.takeBack(COLOR);
    expect(pixels.data).toEqual(painted);
  });

  test("a filled area is one step, and only its own pixels change back", () => {
    stroke([10, 10, 20, 20]);
    const before = pixels.data.slice();
    const values = new Uint8Array([MARK, 1, MARK, MARK]);
    steps.filled({ x: 100, y: 50, w: 2, h: 2, values, was: 0 });
    pixels.paint([100, 50, 102, 52], COLOR);
    steps.takeBack(COLOR);
    expect(pixels.data[50 * 600 + 100]).toBe(0);
    expect(pixels.data[50 * 600 + 101]).toBe(COLOR);
    expect(pixels.data[10 * 600 + 10]).toBe(before[10 * 600 + 10]);
    expect(steps.length).toBe(1);
  });

  test("many strokes forget the oldest, and keep two", () => {
    const large = new Pixels(8192, 4096);
    const many = new Steps(large as unknown as OffscreenCanvasRenderingContext2D, 8192, 4096);
    for (let k = 0; k < 6; k++) {
      many.begin();
      many.remember([0, 0, 8192, 4096]);
    }
    expect(many.length).toBeLessThan(6);
    expect(many.length).toBeGreaterThanOrEqual(2);
  });
});
