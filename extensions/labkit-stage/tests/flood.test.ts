import { expect, test } from "vitest";

import { flood, MARK } from "../src/flood";

/** A mask from lines of text, `#` for painted. */
function mask(...lines: string[]) {
  const values = new Uint8Array(
    lines
      .join("")
      .split("")
      .map((c) => (c === "#" ? 1 : 0)),
  );
  return { values, width: lines[0].length, height: lines.length };
}

const marked = (values: Uint8Array) => [...values].filter((v) => v === MARK).length;

test("a hole is filled up to what encloses it", () => {
  const { values, width, height } = mask("......", ".####.", ".#..#.", ".####.", "......");
  const area = flood(values, width, height, 2, 2, false);
  expect(area).toEqual({ box: [2, 2, 4, 3], open: false });
  expect(marked(values)).toBe(2);
});

test("an area that reaches the edge is open", () => {
  const { values, width, height } = mask(".....", ".###.", ".#.#.", ".#.#.");
  expect(flood(values, width, height, 2, 2, false).open).toBe(true);
});

test("pixels that touch at corners are one area only where that is asked for", () => {
  const lines = ["....", ".#..", "..#.", "...."];
  const straight = mask(...lines);
  flood(straight.values, 4, 4, 1, 1, false);
  expect(marked(straight.values)).toBe(1);
  const diagonal = mask(...lines);
  expect(flood(diagonal.values, 4, 4, 1, 1, true).box).toEqual([1, 1, 3, 3]);
  expect(marked(diagonal.values)).toBe(2);
});

test("a spiral is followed to its end", () => {
  const { values, width, height } = mask(
    "#######",
    "#.....#",
    "#.###.#",
    "#.#.#.#",
    "#.#...#",
    "#.#####",
    "#######",
  );
  const area = flood(values, width, height, 3, 3, false);
  expect(area.open).toBe(false);
  expect(marked(values)).toBe(15);
});

test("runs that are long are marked as short ones are", () => {
  const width = 300;
  const values = new Uint8Array(width * 3).fill(1);
  values.fill(0, width + 10, width + 290);
  const area = flood(values, width, 3, 100, 1, false);
  expect(area).toEqual({ box: [10, 1, 290, 2], open: false });
  expect(marked(values)).toBe(280);
});
