// New keypoints: the points of the label's skeleton, one press each, in its order.

import { boundsOf, insideOf } from "../geometry";
import type { Hand } from "../hand";
import type { AnnotatedObject, Box, Keypoint, Shape, Skeleton } from "../messages";
import { paintPoints } from "../paint";
import { limbsOf, skeletonOf } from "../skeleton";
import type { Point } from "../types";
import { isBackground, type Press, type Tool } from "./tool";

/** labkit/exchange/keypoints.py reads these as COCO's 2, 1 and 0. */
export const VISIBLE = 1;
export const HIDDEN = 0.25;
const LEFT_OUT: Keypoint = [0, 0, 0];

const MARGIN = 0.05;
const LEAST_MARGIN = 2;

export class Placing implements Tool {
  readonly takesRight = true;
  /** The object that gets the keypoints, where one was selected. */
  target: string | null = null;
  private points: Keypoint[] = [];
  private held = false;

  constructor(private readonly hand: Hand) {}

  get busy(): boolean {
    return this.points.length > 0;
  }

  private get object(): AnnotatedObject | null {
    return this.hand.objects.find((o) => o.id === this.target) ?? null;
  }

  private get label(): string {
    return this.object?.label ?? this.hand.label;
  }

  private get skeleton(): Skeleton | null {
    return skeletonOf(this.hand.store.config, this.label);
  }

  private get hint(): string {
    const { skeleton, points } = this;
    if (!skeleton) return `${this.label} has no skeleton: give the project one`;
    const names = skeleton.names;
    if (points.length >= names.length) return `${names.length} of ${names.length} placed`;
    return `${points.length + 1} of ${names.length}: ${names[points.length]}`;
  }

  on(): void {
    const { picked } = this.hand;
    const [one] = picked;
    // an object with keypoints is finished: new points belong to a new object
    const bare = picked.length === 1 && !one.shape.keypoints?.some(([, , v]) => v > 0);
    this.target = bare ? one.id : null;
    if (!bare && picked.length) this.hand.select([]);
    this.hand.say(this.hint, !this.skeleton);
  }

  off(): void {
    this.target = null;
  }

  /** Another label may have another skeleton. */
  labelled(): void {
    this.hand.say(`${this.label}. ${this.hint}`, !this.skeleton);
  }

  // ---- placing

  down(at: Point, press: Press): void {
    const { x, y } = this.hand.snapped(at);
    if (!this.skeleton) return this.hand.say(this.hint, true);
    this.held = true;
    this.points.push([x, y, isBackground(press) ? HIDDEN : VISIBLE]);
  }

  /** A point that is held follows the pointer. */
  move(at: Point): void {
    if (!this.held) return;
    const { x, y } = this.hand.snapped(at);
    const last = this.points.length - 1;
    this.points[last] = [x, y, this.points[last][2]];
  }

  up(): void {
    if (!this.held) return;
    this.held = false;
    this.goOn();
  }

  lift(): void {
    if (this.held) this.points.pop();
    this.held = false;
  }

  /** Leave out the point that is next. */
  leaveOut(): void {
    if (!this.skeleton || this.held) return;
    this.points.push(LEFT_OUT);
    this.goOn();
  }

  takeBack(): boolean {
    if (!this.busy) return false;
    this.points.pop();
    this.held = false;
    this.hand.whisper(this.hint);
    return true;
  }

  private goOn(): void {
    if (this.points.length >= this.skeleton!.names.length) this.keep("mouse");
    else this.hand.whisper(this.hint);
  }

  // ---- what comes of it

  keep(_how: string): boolean {
    const { hand, skeleton, object } = this;
    const { frame } = hand.store;
    const placed = this.points.filter(([, , v]) => v > 0).map(([x, y]) => ({ x, y }));
    if (!frame || !skeleton || !this.busy) return true;
    if (!placed.length) {
      hand.say("No keypoint is placed");
      return true;
    }
    const keypoints = skeleton.names.map((_, k) => this.points[k] ?? LEFT_OUT);
    const box = boundsOf(placed);
    this.drop();
    let id = object?.id;
    if (object && id) {
      const [a, b] = [object.shape.box, box];
      const around: Box = [
        Math.min(a[0], b[0]),
        Math.min(a[1], b[1]),
        Math.max(a[2], b[2]),
        Math.max(a[3], b[3]),
      ];
      const shape: Shape = { ...object.shape, box: around, keypoints };
      hand.change([{ object_id: id, shape }], "keypoints");
    } else {
      const margin = Math.max(LEAST_MARGIN, MARGIN * Math.max(box[2] - box[0], box[3] - box[1]));
      id = hand.add({ box: insideOf(frame, box, margin), keypoints }, "keypoints");
    }
    hand.putAway();
    hand.select([id]);
    return true;
  }

  elsewhere(): void {
    this.target = null;
  }

  drop(): void {
    this.points = [];
    this.held = false;
  }

  rename(name: (id: string) => string): void {
    if (this.target) this.target = name(this.target);
  }

  // ---- drawing

  live(ctx: CanvasRenderingContext2D): void {
    const { hand, skeleton, points } = this;
    const { at, stage, store } = hand;
    if (skeleton) {
      const limbs = limbsOf(store.config, this.label, skeleton.names.length);
      if (at) this.rubber(ctx, limbs, stage.view.toFrame(at));
      const keypoints = skeleton.names.map((_, k) => points[k] ?? LEFT_OUT);
      paintPoints(ctx, keypoints, stage.view, store.config.looks.added.color, limbs);
    }
    if (at) stage.ink.label(ctx, this.hint, at);
  }

  /** Limbs from the point that is next to those that are placed. */
  private rubber(ctx: CanvasRenderingContext2D, limbs: [number, number][], to: Point): void {
    const next = this.held ? -1 : this.points.length;
    for (const limb of limbs) {
      if (!limb.includes(next)) continue;
      const other = this.points[limb[0] === next ? limb[1] : limb[0]];
      if (other?.[2] > 0) this.hand.stage.ink.line(ctx, { x: other[0], y: other[1] }, to, [4, 3]);
    }
  }
}
