import { expect, test } from "vitest";

import type { Rotated } from "../src/messages";
import {
  around,
  corners,
  cornerTo,
  grown,
  knob,
  middles,
  pulledOut,
  sideTo,
  turnedAbout,
  turnedTo,
} from "../src/rotated";

const TURNED: Rotated = [50, 40, 20, 10, Math.PI / 6];

function near(a: { x: number; y: number }, b: { x: number; y: number }) {
  expect(a.x).toBeCloseTo(b.x);
  expect(a.y).toBeCloseTo(b.y);
}

test("corners lie around the middle, in order, and middles between them", () => {
  const r: Rotated = [10, 20, 8, 4, 0];
  const at = corners(r);
  expect(at).toEqual([
    { x: 6, y: 18 },
    { x: 14, y: 18 },
    { x: 14, y: 22 },
    { x: 6, y: 22 },
  ]);
  for (const [k, m] of middles(TURNED).entries()) {
    const [a, b] = [corners(TURNED)[k], corners(TURNED)[(k + 1) % 4]];
    near(m, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  }
});

test("a corner that is dragged goes to the pointer, and the opposite one stays", () => {
  for (let k = 0; k < 4; k++) {
    const fixed = corners(TURNED)[(k + 2) % 4];
    const start = corners(TURNED)[k];
    const to = { x: start.x + (start.x - fixed.x) * 0.3, y: start.y + (start.y - fixed.y) * 0.4 };
    const out = cornerTo(TURNED, k, to);
    near(corners(out)[k], to);
    near(corners(out)[(k + 2) % 4], fixed);
    expect(out[4]).toBe(TURNED[4]);
  }
});

test("a side that is dragged leaves the opposite one where it is", () => {
  for (let k = 0; k < 4; k++) {
    const fixed = middles(TURNED)[(k + 2) % 4];
    const start = middles(TURNED)[k];
    const to = {
      x: start.x + (start.x - TURNED[0]) * 0.5,
      y: start.y + (start.y - TURNED[1]) * 0.5,
    };
    const out = sideTo(TURNED, k, to);
    near(middles(out)[(k + 2) % 4], fixed);
    near(middles(out)[k], to);
  }
});

test("it grows from its own top left corner, and keeps a pixel", () => {
  const out = grown(TURNED, 6, -100);
  near(corners(out)[0], corners(TURNED)[0]);
  expect(out.slice(2, 4)).toEqual([26, 1]);
});

test("the knob lies beyond the top side, and turning to where it is changes nothing", () => {
  const at = knob(TURNED, 15);
  expect(Math.hypot(at.x - 50, at.y - 40)).toBeCloseTo(5 + 15);
  expect(turnedTo(TURNED, at)[4]).toBeCloseTo(TURNED[4]);
  expect(turnedTo(TURNED, { x: 90, y: 40 })[4]).toBeCloseTo(Math.PI / 2);
});

test("angles come back between -180 and 180 degrees", () => {
  expect(around(3 * Math.PI)).toBeCloseTo(-Math.PI);
  expect(around(0.5)).toBe(0.5);
  expect(Math.abs(around(1000))).toBeLessThanOrEqual(Math.PI);
});

test("a box that is pulled out has the given side, and the point on the other one", () => {
  const [a, b, c] = [
    { x: 10, y: 10 },
    { x: 30, y: 20 },
    { x: 20, y: 40 },
  ];
  const out = pulledOut(a, b, c);
  expect(out[2]).toBeCloseTo(Math.hypot(20, 10));
  const side = Math.atan2(10, 20);
  const away = Math.abs((c.x - a.x) * -Math.sin(side) + (c.y - a.y) * Math.cos(side));
  expect(out[3]).toBeCloseTo(away);
  const found = corners(out);
  for (const p of [a, b])
    expect(Math.min(...found.map((q) => Math.hypot(q.x - p.x, q.y - p.y)))).toBeCloseTo(0);
  expect(Math.abs(out[4])).toBeLessThanOrEqual(Math.PI / 2 + 1e-9);
});

test("a point that is turned about another keeps its distance", () => {
  near(turnedAbout({ x: 20, y: 10 }, { x: 10, y: 10 }, Math.PI / 2), { x: 10, y: 20 });
});
