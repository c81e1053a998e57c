// What lies under the pointer.

import { handlePoints, type Part, ringPoints } from "./geometry";
import type { AnnotatedObject } from "./messages";
import { corners, KNOB, knob, middles } from "./rotated";
import type { Point } from "./types";

const near = (a: Point, b: Point, d: number) => Math.hypot(a.x - b.x, a.y - b.y) <= d;

function toSegment(p: Point, a: Point, b: Point): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = dx * dx + dy * dy || 1;
  const t = Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length));
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

function inRing(p: Point, ring: Point[]): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const a = ring[i];
    const b = ring[j];
    if (a.y > p.y !== b.y > p.y && p.x < ((b.x - a.x) * (p.y - a.y)) / (b.y - a.y) + a.x)
      inside = !inside;
  }
  return inside;
}

export function rings(obj: AnnotatedObject): Point[][] {
  const { shape } = obj;
  if (shape.rotated) return [corners(shape.rotated)];
  const flat = obj.rings ?? shape.polygons;
  return flat ? flat.map(ringPoints) : [];
}

/** A part of a selected object that can be dragged, within `d` frame pixels. */
export function partAt(obj: AnnotatedObject, p: Point, d: number, scale: number): Part | null {
  const { shape } = obj;
  for (const [index, [x, y, v]] of (shape.keypoints ?? []).entries())
    if (v > 0 && near(p, { x, y }, d)) return { kind: "point", index };
  if (shape.rotated) {
    if (near(p, knob(shape.rotated, KNOB / scale), d)) return { kind: "turn" };
    for (const [index, corner] of corners(shape.rotated).entries())
      if (near(p, corner, d)) return { kind: "vertex", ring: 0, index };
    for (const [index, middle] of middles(shape.rotated).entries())
      if (near(p, middle, d)) return { kind: "rim", index };
  } else if (shape.polygons) {
    for (const [ring, flat] of shape.polygons.entries()) {
      const points = ringPoints(flat);
      for (const [index, at] of points.entries())
        if (near(p, at, d)) return { kind: "vertex", ring, index };
    }
    for (const [ring, flat] of shape.polygons.entries()) {
      const points = ringPoints(flat);
      for (const [index, at] of points.entries())
        if (toSegment(p, at, points[(index + 1) % points.length]) <= d / 2)
          return { kind: "edge", ring, index };
    }
  } else if (!shape.mask) {
    for (const [side, at] of handlePoints(shape.box))
      if (near(p, at, d)) return { kind: "side", side };
  }
  return contains(obj, p, d / 2) ? { kind: "body" } : null;
}

export function contains(obj: AnnotatedObject, p: Point, d: number): boolean {
  const [x1, y1, x2, y2] = obj.shape.box;
  if (p.x < x1 - d || p.y < y1 - d || p.x > x2 + d || p.y > y2 + d) return false;
  const outlines = rings(obj);
  return !outlines.length || outlines.some((ring) => inRing(p, ring));
}

/** Objects that have not been rejected. */
export const standing = (objects: AnnotatedObject[]): AnnotatedObject[] =>
  objects.filter((o) => o.state !== "rejected");

/** The smallest object under a point: what is large is easier to reach elsewhere. */
export function objectAt(objects: AnnotatedObject[], p: Point, d: number): AnnotatedObject | null {
  const area = ({ shape: { box } }: AnnotatedObject) => (box[2] - box[0]) * (box[3] - box[1]);
  return objects
    .filter((o) => contains(o, p, d))
    .reduce<AnnotatedObject | null>((best, o) => (!best || area(o) < area(best) ? o : best), null);
}
