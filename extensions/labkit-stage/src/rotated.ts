// Rotated boxes: cx, cy, width, height, and the angle in radians from the x axis to the width.

import type { Rotated } from "./messages";
import type { Point } from "./types";

/** A point given along the box's own axes, from its centre. */
function out([cx, cy, , , a]: Rotated, u: number, v: number): Point {
  const cos = Math.cos(a);
  const sin = Math.sin(a);
  return { x: cx + cos * u - sin * v, y: cy + sin * u + cos * v };
}

/** A point of the frame along the box's own axes, from its centre. */
function into([cx, cy, , , a]: Rotated, p: Point): [number, number] {
  const cos = Math.cos(a);
  const sin = Math.sin(a);
  const [dx, dy] = [p.x - cx, p.y - cy];
  return [cos * dx + sin * dy, cos * dy - sin * dx];
}

/** Corners in the box's own order: top left, top right, bottom right, bottom left. */
export function corners(r: Rotated): Point[] {
  const [, , w, h] = r;
  return [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ].map(([u, v]) => out(r, (u * w) / 2, (v * h) / 2));
}

/** Middles of the sides: top, right, bottom, left. */
export function middles(r: Rotated): Point[] {
  const [, , w, h] = r;
  return [
    [0, -1],
    [1, 0],
    [0, 1],
    [-1, 0],
  ].map(([u, v]) => out(r, (u * w) / 2, (v * h) / 2));
}

/** How far the knob is away from its box, in pixels of the stage. */
export const KNOB = 22;

/** The knob that turns the box: beyond the middle of its top side. */
export function knob(r: Rotated, away: number): Point {
  return out(r, 0, -r[3] / 2 - away);
}

/** One corner dragged; the opposite one stays where it is. */
export function cornerTo(r: Rotated, corner: number, p: Point): Rotated {
  const fixed = corners(r)[(corner + 2) % 4];
  const [u, v] = into([fixed.x, fixed.y, 0, 0, r[4]], p);
  const [x, y] = [(p.x + fixed.x) / 2, (p.y + fixed.y) / 2];
  return [x, y, Math.max(1, Math.abs(u)), Math.max(1, Math.abs(v)), r[4]];
}

/** One side dragged along its normal; the opposite one stays where it is. */
export function sideTo(r: Rotated, side: number, p: Point): Rotated {
  const [, , w, h, a] = r;
  const along = into(r, p)[side % 2 ? 0 : 1];
  const sign = side === 1 || side === 2 ? 1 : -1;
  const size = Math.max(1, sign * along + (side % 2 ? w : h) / 2);
  const by = (sign * (size - (side % 2 ? w : h))) / 2;
  const { x, y } = out(r, side % 2 ? by : 0, side % 2 ? 0 : by);
  return side % 2 ? [x, y, size, h, a] : [x, y, w, size, a];
}

/** Larger by so much along its own axes; its own top left corner stays where it is. */
export function grown(r: Rotated, dw: number, dh: number): Rotated {
  const [, , w, h, a] = r;
  const [nw, nh] = [Math.max(1, w + dw), Math.max(1, h + dh)];
  const { x, y } = out(r, (nw - w) / 2, (nh - h) / 2);
  return [x, y, nw, nh, a];
}

/** The knob dragged to a point. */
export function turnedTo(r: Rotated, p: Point): Rotated {
  const [cx, cy, w, h] = r;
  return [cx, cy, w, h, Math.atan2(p.x - cx, cy - p.y)];
}

/** An angle between -180 and 180 degrees, in radians. */
export function around(a: number): number {
  return a - 2 * Math.PI * Math.round(a / (2 * Math.PI));
}

/** The box with one side from `a` to `b` whose opposite side runs through `c`; its top is up. */
export function pulledOut(a: Point, b: Point, c: Point): Rotated {
  const side = Math.atan2(b.y - a.y, b.x - a.x);
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const w = Math.hypot(b.x - a.x, b.y - a.y);
  const base: Rotated = [middle.x, middle.y, w, 0, side];
  const v = into(base, c)[1];
  const { x, y } = out(base, 0, v / 2);
  // turned by half a turn it is the same box
  return [x, y, w, Math.abs(v), side - Math.PI * Math.round(side / Math.PI)];
}

/** A point turned about another one. */
export function turnedAbout(p: Point, centre: Point, by: number): Point {
  const [u, v] = [p.x - centre.x, p.y - centre.y];
  return out([centre.x, centre.y, 0, 0, by], u, v);
}
