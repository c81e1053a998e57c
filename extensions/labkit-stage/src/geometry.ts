// Shapes under the hand: handles, moving, snapping. Pixels of the frame.

import type { Box, Keypoint, Rotated, Shape } from "./messages";
import { around, corners, cornerTo, grown, sideTo, turnedAbout, turnedTo } from "./rotated";
import type { Point } from "./types";

export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"] as const;
export type Side = (typeof HANDLES)[number];

export type Part =
  | { kind: "body" }
  | { kind: "side"; side: Side }
  /** A side of a rotated box: top, right, bottom, left. */
  | { kind: "rim"; index: number }
  | { kind: "vertex"; ring: number; index: number }
  | { kind: "edge"; ring: number; index: number }
  | { kind: "point"; index: number }
  | { kind: "turn" };

export interface Size {
  width: number;
  height: number;
}

const clamp = (v: number, low: number, high: number) => Math.min(high, Math.max(low, v));

export function handlePoints(box: Box): [Side, Point][] {
  const [x1, y1, x2, y2] = box;
  const mx = (x1 + x2) / 2;
  const my = (y1 + y2) / 2;
  const at: Record<Side, [number, number]> = {
    nw: [x1, y1],
    n: [mx, y1],
    ne: [x2, y1],
    e: [x2, my],
    se: [x2, y2],
    s: [mx, y2],
    sw: [x1, y2],
    w: [x1, my],
  };
  return HANDLES.map((side) => [side, { x: at[side][0], y: at[side][1] }]);
}

export function boundsOf(points: Point[]): Box {
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

export function ringPoints(ring: number[]): Point[] {
  const out: Point[] = [];
  for (let k = 0; k + 1 < ring.length; k += 2) out.push({ x: ring[k], y: ring[k + 1] });
  return out;
}

const flat = (points: Point[]) => points.flatMap((p) => [p.x, p.y]);

/** Snap to the frame's edge from a distance of `near` frame pixels, and never beyond it. */
export function snap(p: Point, size: Size, near: number): Point {
  const one = (v: number, high: number) =>
    v < near ? 0 : v > high - near ? high : clamp(v, 0, high);
  return { x: one(p.x, size.width), y: one(p.y, size.height) };
}

export function boxOf(a: Point, b: Point): Box {
  return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)];
}

/** A box with a margin around it, cut at the frame's edges. */
export function insideOf(size: Size, [x1, y1, x2, y2]: Box, margin: number): Box {
  return [
    Math.max(0, x1 - margin),
    Math.max(0, y1 - margin),
    Math.min(size.width, x2 + margin),
    Math.min(size.height, y2 + margin),
  ];
}

/** A shape moved as a whole; it stays inside of the frame, or no further out than it was. */
export function moved(shape: Shape, dx: number, dy: number, size: Size): Shape {
  const [x1, y1, x2, y2] = shape.box;
  dx = clamp(dx, Math.min(0, -x1), Math.max(0, size.width - x2));
  dy = clamp(dy, Math.min(0, -y1), Math.max(0, size.height - y2));
  const out: Shape = { box: [x1 + dx, y1 + dy, x2 + dx, y2 + dy] };
  const by = (v: number, k: number) => v + (k % 2 ? dy : dx);
  if (shape.rotated) {
    const [cx, cy, w, hgt, a] = shape.rotated;
    out.rotated = [cx + dx, cy + dy, w, hgt, a];
  }
  if (shape.polygons) out.polygons = shape.polygons.map((ring) => ring.map(by));
  if (shape.keypoints) out.keypoints = shape.keypoints.map(([x, y, v]) => [x + dx, y + dy, v]);
  return out; // a mask is not moved: it is painted
}

function resizedBox(box: Box, side: Side, p: Point): Box {
  let [x1, y1, x2, y2] = box;
  if (side.includes("w")) x1 = p.x;
  if (side.includes("e")) x2 = p.x;
  if (side.includes("n")) y1 = p.y;
  if (side.includes("s")) y2 = p.y;
  return boxOf({ x: x1, y: y1 }, { x: x2, y: y2 });
}

/** A shape with another rotated box; its keypoints stay. */
function withRotated(shape: Shape, rotated: Rotated): Shape {
  const { keypoints } = shape;
  return { box: boundsOf(corners(rotated)), rotated, ...(keypoints && { keypoints }) };
}

/** A shape with other polygons; its keypoints stay. */
function withPolygons({ keypoints }: Shape, polygons: number[][]): Shape {
  const box = boundsOf(polygons.flatMap(ringPoints));
  return { box, polygons, ...(keypoints && { keypoints }) };
}

/** What a shape becomes when one of its parts is dragged to a point. */
export function dragged(shape: Shape, part: Part, from: Point, to: Point, size: Size): Shape {
  switch (part.kind) {
    case "side": {
      const box = resizedBox(shape.box, part.side, to);
      return shape.keypoints ? { box, keypoints: shape.keypoints } : { box };
    }
    case "vertex": {
      if (shape.rotated) return withRotated(shape, cornerTo(shape.rotated, part.index, to));
      const polygons = (shape.polygons ?? []).map((ring, k) => {
        if (k !== part.ring) return ring;
        const points = ringPoints(ring);
        points[part.index] = to;
        return flat(points);
      });
      return withPolygons(shape, polygons);
    }
    case "rim":
      return shape.rotated ? withRotated(shape, sideTo(shape.rotated, part.index, to)) : shape;
    case "turn":
      return shape.rotated ? withRotated(shape, turnedTo(shape.rotated, to)) : shape;
    case "point": {
      const keypoints = (shape.keypoints ?? []).map(
        (p, k): Keypoint => (k === part.index ? [to.x, to.y, p[2]] : p),
      );
      const [x1, y1, x2, y2] = shape.box;
      const box: Box = [
        Math.min(x1, to.x),
        Math.min(y1, to.y),
        Math.max(x2, to.x),
        Math.max(y2, to.y),
      ];
      return { ...shape, box, keypoints };
    }
    default:
      return moved(shape, to.x - from.x, to.y - from.y, size);
  }
}

export function insertVertex(shape: Shape, ring: number, after: number, p: Point): Shape {
  const polygons = (shape.polygons ?? []).map((r, k) => {
    if (k !== ring) return r;
    const points = ringPoints(r);
    points.splice(after + 1, 0, p);
    return flat(points);
  });
  return withPolygons(shape, polygons);
}

/** Without one vertex; a ring keeps three of them at least. */
export function deleteVertex(shape: Shape, ring: number, index: number): Shape | null {
  if (!shape.polygons || shape.polygons[ring].length <= 6) return null;
  const polygons = shape.polygons.map((r, k) =>
    k === ring ? flat(ringPoints(r).filter((_, j) => j !== index)) : r,
  );
  return withPolygons(shape, polygons);
}

export function polygonShape(points: Point[]): Shape {
  return { box: boundsOf(points), polygons: [flat(points)] };
}

/** Nudge by keys: move, or with `grow` shift the right and lower sides. */
export function nudged(shape: Shape, dx: number, dy: number, grow: boolean, size: Size): Shape {
  if (grow && shape.rotated) return withRotated(shape, grown(shape.rotated, dx, dy));
  if (!grow || shape.polygons || shape.mask) return moved(shape, dx, dy, size);
  const [x1, y1, x2, y2] = shape.box;
  const box: Box = [
    x1,
    y1,
    clamp(x2 + dx, x1 + 1, size.width),
    clamp(y2 + dy, y1 + 1, size.height),
  ];
  return shape.keypoints ? { box, keypoints: shape.keypoints } : { box };
}

/** With one keypoint hidden where it was visible, and visible where it was hidden. */
export function toggled(shape: Shape, index: number, visible: number, hidden: number): Shape {
  const keypoints = (shape.keypoints ?? []).map(
    ([x, y, v], k): Keypoint => (k === index ? [x, y, v >= 0.5 ? hidden : visible] : [x, y, v]),
  );
  return { ...shape, keypoints };
}

/** Turned about its middle; a plain box becomes a rotated one, a mask stays as it is. */
export function turned(shape: Shape, by: number): Shape {
  if (shape.mask) return shape;
  const [x1, y1, x2, y2] = shape.box;
  const [cx, cy, w, h, a] = shape.rotated ?? [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 0];
  const turn = (p: Point) => turnedAbout(p, { x: cx, y: cy }, by);
  const keypoints = shape.keypoints?.map(([px, py, v]): Keypoint => {
    const p = turn({ x: px, y: py });
    return [p.x, p.y, v];
  });
  if (shape.polygons) {
    const polygons = shape.polygons.map((ring) => flat(ringPoints(ring).map(turn)));
    const box = boundsOf(polygons.flatMap(ringPoints));
    return { box, polygons, ...(keypoints && { keypoints }) };
  }
  return withRotated({ ...shape, keypoints }, [cx, cy, w, h, around(a + by)]);
}

export function hasArea(shape: Shape, least = 1): boolean {
  const [x1, y1, x2, y2] = shape.box;
  return x2 - x1 >= least && y2 - y1 >= least;
}
