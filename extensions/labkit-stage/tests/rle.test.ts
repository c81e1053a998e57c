import { describe, expect, test } from "vitest";

import { decodeRle, encodeRle } from "../src/rle";

function mask(width: number, height: number, inside: (x: number, y: number) => boolean) {
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) out[y * width + x] = inside(x, y) ? 1 : 0;
  return out;
}

/** Masks and what pycocotools 2.0 makes of them. */
const KNOWN: [string, number, number, (x: number, y: number) => boolean, string][] = [
  ["a rectangle", 5, 4, (x, y) => x >= 1 && x < 4 && y >= 1 && y < 3, "5220003"],
  ["one pixel in the corner", 3, 3, (x, y) => x === 0 && y === 0, "018"],
  ["all of it", 3, 2, () => true, "06"],
];

describe.each(KNOWN)("%s", (_name, width, height, inside, counts) => {
  test("is encoded as pycocotools does", () => {
    expect(encodeRle(mask(width, height, inside), width, height)).toEqual({
      size: [height, width],
      counts,
    });
  });

  test("is decoded to the same pixels", () => {
    expect(decodeRle({ size: [height, width], counts })).toEqual(mask(width, height, inside));
  });
});

test("long runs and runs that become shorter survive a round trip", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let k = 0; k < 50; k++) {
    const [width, height] = [1 + Math.floor(random() * 90), 1 + Math.floor(random() * 90)];
    const share = random();
    const pixels = mask(width, height, () => random() < share);
    expect(decodeRle(encodeRle(pixels, width, height))).toEqual(pixels);
  }
});

test("a ring in a frame is encoded as pycocotools does", () => {
  const ring = (x: number, y: number) => x > 0 && x < 6 && y > 0 && y < 5 && !(x === 3 && y === 2);
  expect(encodeRle(mask(7, 6, ring), 7, 6).counts).toBe("74200MO112005");
});
