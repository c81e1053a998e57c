import { describe, expect, test } from "vitest";

import {
  boundsOf,
  boxOf,
  deleteVertex,
  dragged,
  hasArea,
  insertVertex,
  insideOf,
  moved,
  nudged,
  polygonShape,
  snap,
  toggled,
  turned,
} from "../src/geometry";
import type { Shape } from "../src/messages";

const FRAME = { width: 100, height: 80 };
const BOX: Shape = { box: [10, 10, 30, 20] };
const TRIANGLE: Shape = polygonShape([
  { x: 10, y: 10 },
  { x: 30, y: 10 },
  { x: 10, y: 40 },
]);

describe("snap", () => {
  test("takes a point near the edge to the edge, and leaves others", () => {
    expect(snap({ x: 3, y: 77 }, FRAME, 5)).toEqual({ x: 0, y: 80 });
    expect(snap({ x: 6, y: 40 }, FRAME, 5)).toEqual({ x: 6, y: 40 });
  });

  test("keeps a point inside, however far out it is", () => {
    expect(snap({ x: -50, y: 900 }, FRAME, 0)).toEqual({ x: 0, y: 80 });
  });
});

test("a box is the same from whichever corner it is dragged", () => {
  const a = { x: 5, y: 9 };
  const b = { x: 1, y: 20 };
  expect(boxOf(a, b)).toEqual([1, 9, 5, 20]);
  expect(boxOf(b, a)).toEqual(boxOf(a, b));
});

test("a margin around a box ends at the frame", () => {
  expect(insideOf(FRAME, [2, 30, 95, 50], 10)).toEqual([0, 20, 100, 60]);
});

describe("moved", () => {
  test("a shape stays inside of the frame", () => {
    expect(moved(BOX, -50, 100, FRAME).box).toEqual([0, 70, 20, 80]);
  });

  test("a shape that is outside comes no further out", () => {
    const out: Shape = { box: [-5, 10, 30, 20] };
    expect(moved(out, -10, 0, FRAME).box).toEqual([-5, 10, 30, 20]);
    expect(moved(out, 10, 0, FRAME).box).toEqual([5, 10, 40, 20]);
  });

  test("all parts move together", () => {
    const shape: Shape = { ...TRIANGLE, keypoints: [[12, 12, 1]] };
    const out = moved(shape, 5, 2, FRAME);
    expect(out.polygons).toEqual([[15, 12, 35, 12, 15, 42]]);
    expect(out.keypoints).toEqual([[17, 14, 1]]);
    expect(out.box).toEqual([15, 12, 35, 42]);
  });
});

describe("dragged", () => {
  const from = { x: 30, y: 20 };

  test("a side that is pulled over the other one turns the box inside out", () => {
    const out = dragged(BOX, { kind: "side", side: "e" }, from, { x: 2, y: 15 }, FRAME);
    expect(out.box).toEqual([2, 10, 10, 20]);
  });

  test("a corner moves two sides", () => {
    const out = dragged(BOX, { kind: "side", side: "se" }, from, { x: 50, y: 60 }, FRAME);
    expect(out.box).toEqual([10, 10, 50, 60]);
  });

  test("a vertex takes the polygon's box along, and leaves its keypoints", () => {
    const shape: Shape = { ...TRIANGLE, keypoints: [[12, 12, 1]] };
    const part = { kind: "vertex", ring: 0, index: 1 } as const;
    const out = dragged(shape, part, from, { x: 60, y: 5 }, FRAME);
    expect(out.box).toEqual([10, 5, 60, 40]);
    expect(out.keypoints).toEqual([[12, 12, 1]]);
  });

  test("a keypoint widens the box, and never narrows it", () => {
    const shape: Shape = {
      ...BOX,
      keypoints: [
        [12, 12, 1],
        [14, 14, 0.25],
      ],
    };
    const part = { kind: "point", index: 1 } as const;
    const wide = dragged(shape, part, from, { x: 40, y: 15 }, FRAME);
    expect(wide.box).toEqual([10, 10, 40, 20]);
    expect(wide.keypoints?.[1]).toEqual([40, 15, 0.25]);
    expect(dragged(wide, part, from, { x: 15, y: 15 }, FRAME).box).toEqual([10, 10, 40, 20]);
  });
});

describe("vertices", () => {
  test("one is inserted after another, and deleted again", () => {
    const more = insertVertex(TRIANGLE, 0, 0, { x: 20, y: 5 });
    expect(more.polygons).toEqual([[10, 10, 20, 5, 30, 10, 10, 40]]);
    expect(more.box).toEqual([10, 5, 30, 40]);
    expect(deleteVertex(more, 0, 1)).toEqual(TRIANGLE);
  });

  test("a polygon keeps three points", () => {
    expect(deleteVertex(TRIANGLE, 0, 1)).toBeNull();
  });
});

describe("keys", () => {
  test("arrows move, and with Alt they move the right and lower side", () => {
    expect(nudged(BOX, 1, -1, false, FRAME).box).toEqual([11, 9, 31, 19]);
    expect(nudged(BOX, 1, -1, true, FRAME).box).toEqual([10, 10, 31, 19]);
  });

  test("a box keeps a pixel, and does not grow out of the frame", () => {
    expect(nudged(BOX, -90, 0, true, FRAME).box).toEqual([10, 10, 11, 20]);
    expect(nudged(BOX, 900, 900, true, FRAME).box).toEqual([10, 10, 100, 80]);
  });

  test("a box that is turned becomes a rotated one about the same middle", () => {
    const out = turned(BOX, Math.PI / 2);
    expect(out.rotated?.slice(0, 4)).toEqual([20, 15, 20, 10]);
    expect(out.rotated?.[4]).toBeCloseTo(Math.PI / 2);
    for (const [k, v] of [15, 5, 25, 25].entries()) expect(out.box[k]).toBeCloseTo(v);
  });

  test("a mask is not turned", () => {
    const shape: Shape = { ...BOX, mask: { size: [80, 100], counts: "0" } };
    expect(turned(shape, 1)).toBe(shape);
  });
});

test("a keypoint is visible or hidden in turns", () => {
  const shape: Shape = { ...BOX, keypoints: [[1, 2, 1]] };
  const hidden = toggled(shape, 0, 1, 0.25);
  expect(hidden.keypoints).toEqual([[1, 2, 0.25]]);
  expect(toggled(hidden, 0, 1, 0.25)).toEqual(shape);
});

test("what is thinner than asked for has no area", () => {
  expect(hasArea({ box: [0, 0, 10, 0.5] })).toBe(false);
  expect(hasArea({ box: [0, 0, 10, 2] }, 3)).toBe(false);
  expect(hasArea({ box: [0, 0, 10, 3] }, 3)).toBe(true);
});

test("the bounds of points are their outermost coordinates", () => {
  expect(
    boundsOf([
      { x: 4, y: 1 },
      { x: 2, y: 9 },
    ]),
  ).toEqual([2, 1, 4, 9]);
});
