import { describe, expect, test } from "vitest";

import { contains, objectAt, partAt, rings, standing } from "../src/hit";
import type { AnnotatedObject, Shape, State } from "../src/messages";
import { KNOB, knob } from "../src/rotated";

function object(id: string, shape: Shape, state: State = "proposed"): AnnotatedObject {
  return { id, label: "nut", state, score: null, shape, track: null, shown_from: 1 };
}

const LARGE = object("large", { box: [0, 0, 100, 100] });
const SMALL = object("small", { box: [40, 40, 60, 60] });
const L_SHAPE = object("l", {
  box: [0, 0, 40, 40],
  polygons: [[0, 0, 10, 0, 10, 30, 40, 30, 40, 40, 0, 40]],
});

describe("objectAt", () => {
  test("the smaller one of two is hit, whatever their order", () => {
    for (const objects of [
      [LARGE, SMALL],
      [SMALL, LARGE],
    ])
      expect(objectAt(objects, { x: 50, y: 50 }, 0)?.id).toBe("small");
    expect(objectAt([LARGE, SMALL], { x: 20, y: 20 }, 0)?.id).toBe("large");
  });

  test("nothing is hit beside them, but within the reach of a finger", () => {
    expect(objectAt([SMALL], { x: 65, y: 50 }, 0)).toBeNull();
    expect(objectAt([SMALL], { x: 65, y: 50 }, 9)?.id).toBe("small");
  });
});

test("a polygon is hit inside of its outline, not of its box", () => {
  expect(contains(L_SHAPE, { x: 5, y: 20 }, 0)).toBe(true);
  expect(contains(L_SHAPE, { x: 30, y: 10 }, 0)).toBe(false);
});

test("a mask is hit by its outlines", () => {
  const shape: Shape = { box: [0, 0, 40, 40], mask: { size: [40, 40], counts: "0" } };
  const o = { ...object("m", shape), rings: L_SHAPE.shape.polygons };
  expect(rings(o)).toHaveLength(1);
  expect(contains(o, { x: 30, y: 10 }, 0)).toBe(false);
});

describe("partAt", () => {
  test("handles of a box come before its body", () => {
    expect(partAt(SMALL, { x: 59, y: 61 }, 3, 1)).toEqual({ kind: "side", side: "se" });
    expect(partAt(SMALL, { x: 50, y: 50 }, 3, 1)).toEqual({ kind: "body" });
    expect(partAt(SMALL, { x: 90, y: 90 }, 3, 1)).toBeNull();
  });

  test("a polygon has vertices, and edges between them", () => {
    expect(partAt(L_SHAPE, { x: 10, y: 31 }, 4, 1)).toEqual({ kind: "vertex", ring: 0, index: 2 });
    expect(partAt(L_SHAPE, { x: 25, y: 31 }, 4, 1)).toEqual({ kind: "edge", ring: 0, index: 2 });
  });

  test("the knob of a rotated box is where it is drawn, at any scale", () => {
    const o = object("r", { box: [0, 0, 40, 40], rotated: [20, 20, 20, 10, 0.4] });
    for (const scale of [0.5, 1, 4])
      expect(partAt(o, knob(o.shape.rotated!, KNOB / scale), 2, scale)).toEqual({ kind: "turn" });
  });

  test("a keypoint that is not labelled cannot be dragged", () => {
    const shape: Shape = {
      ...SMALL.shape,
      keypoints: [
        [45, 45, 0],
        [55, 55, 0.25],
      ],
    };
    const o = object("k", shape);
    expect(partAt(o, { x: 45, y: 45 }, 2, 1)).toEqual({ kind: "body" });
    expect(partAt(o, { x: 55, y: 55 }, 2, 1)).toEqual({ kind: "point", index: 1 });
  });
});

test("what was rejected does not stand", () => {
  expect(standing([LARGE, object("gone", SMALL.shape, "rejected")])).toEqual([LARGE]);
});
