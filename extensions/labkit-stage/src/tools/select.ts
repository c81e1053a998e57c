// Selecting objects, and dragging or nudging what is selected.

import {
  boxOf,
  deleteVertex,
  dragged,
  hasArea,
  insertVertex,
  nudged,
  type Part,
  toggled,
  turned,
} from "../geometry";
import type { Hand } from "../hand";
import { objectAt, partAt, standing } from "../hit";
import type { AnnotatedObject, Shape } from "../messages";
import type { Point } from "../types";
import { HIDDEN, VISIBLE } from "./keypoints";
import type { Press, Tool } from "./tool";

type Drag =
  | { kind: "part"; part: Part; from: Point; start: Map<string, Shape> }
  | { kind: "marquee"; from: Point; to: Point };

export class Selecting implements Tool {
  /** Shapes under the hand that are not sent yet. */
  edits = new Map<string, Shape>();
  private drag: Drag | null = null;
  /** What `edits` was when the drag began. */
  private before = this.edits;

  constructor(private readonly hand: Hand) {}

  get busy(): boolean {
    return this.edits.size > 0 || this.drag !== null;
  }

  get holding(): boolean {
    return this.drag !== null;
  }

  private get how(): string {
    return this.hand.cursor.at ? "key" : "mouse";
  }

  get lifted(): Iterable<string> {
    return this.edits.keys();
  }

  // ---- the pointer

  down(at: Point, press: Press): void {
    const { hand } = this;
    for (const o of hand.picked) {
      const part = partAt(hand.shapeOf(o), at, hand.near, hand.stage.view.k);
      if (!part || (part.kind === "body" && (o.shape.mask || press.shiftKey))) continue;
      if (part.kind === "body" && this.smallerUnder(at, o)) continue;
      if (part.kind === "vertex" && press.altKey && !o.shape.rotated)
        return this.removeVertex(o, part.ring, part.index);
      if (part.kind === "point" && press.altKey) return this.toggle(o, part.index);
      return this.pull(o, part, at);
    }
    const hit = objectAt(hand.objects, at, hand.near / 2);
    if (!hit) {
      this.drag = { kind: "marquee", from: at, to: at };
      return;
    }
    const others = hand.selected.filter((id) => id !== hit.id);
    const was = others.length < hand.selected.length;
    hand.select(press.shiftKey ? (was ? others : [...others, hit.id]) : [hit.id]);
  }

  private smallerUnder(at: Point, o: AnnotatedObject): boolean {
    const hit = objectAt(this.hand.objects, at, 0);
    return hit !== null && hit.id !== o.id && !this.hand.selected.includes(hit.id);
  }

  private pull(o: AnnotatedObject, part: Part, at: Point): void {
    const { hand } = this;
    const together = part.kind === "body" ? hand.picked.filter((q) => !q.shape.mask) : [o];
    let start = new Map(together.map((q) => [q.id, hand.shapeOf(q).shape]));
    if (part.kind === "edge") {
      const shape = insertVertex(start.get(o.id)!, part.ring, part.index, at);
      start = new Map([[o.id, shape]]);
      part = { kind: "vertex", ring: part.ring, index: part.index + 1 };
    }
    this.before = new Map(this.edits);
    for (const [id, shape] of start) this.edits.set(id, shape);
    this.drag = { kind: "part", part, from: at, start };
    hand.stage.paint();
  }

  private removeVertex(o: AnnotatedObject, ring: number, index: number): void {
    const shape = deleteVertex(o.shape, ring, index);
    if (!shape) return this.hand.say("A polygon needs at least three points");
    this.edits.set(o.id, shape);
    this.keep(this.how);
  }

  /** A keypoint is seen, or it is there and hidden. */
  private toggle(o: AnnotatedObject, index: number): void {
    const shape = toggled(this.hand.shapeOf(o).shape, index, VISIBLE, HIDDEN);
    this.edits.set(o.id, shape);
    this.keep(this.how);
    this.hand.say(shape.keypoints![index][2] === HIDDEN ? "Keypoint hidden" : "Keypoint visible");
  }

  move(at: Point): void {
    const { hand, drag } = this;
    if (!drag) {
      hand.hover = objectAt(hand.objects, at, hand.near / 2)?.id ?? null;
    } else if (drag.kind === "part") {
      const frame = hand.store.frame!;
      const free = drag.part.kind === "body" || drag.part.kind === "turn";
      const to = free ? at : hand.snapped(at);
      for (const [id, shape] of drag.start)
        this.edits.set(id, dragged(shape, drag.part, drag.from, to, frame));
    } else drag.to = at;
  }

  up(): void {
    const { drag } = this;
    this.drag = null;
    if (drag?.kind === "part") this.keep(this.how);
    else if (drag) this.lasso(drag.from, drag.to);
  }

  lift(): void {
    if (this.drag?.kind === "part") this.edits = this.before;
    this.drag = null;
  }

  private lasso(from: Point, to: Point): void {
    const [x1, y1, x2, y2] = boxOf(from, to);
    const inside = standing(this.hand.objects).filter(
      ({ shape: { box } }) => box[0] >= x1 && box[1] >= y1 && box[2] <= x2 && box[3] <= y2,
    );
    this.hand.select(inside.map((o) => o.id));
    if (inside.length) this.hand.say(`${inside.length} objects selected`);
  }

  // ---- keys

  nudge(dx: number, dy: number, grow: boolean): void {
    const frame = this.hand.store.frame!;
    this.reshape((shape) => nudged(shape, dx, dy, grow, frame));
  }

  turn(degrees: number): void {
    this.reshape((shape) => turned(shape, (degrees * Math.PI) / 180));
  }

  private reshape(change: (shape: Shape) => Shape): void {
    const { hand } = this;
    const movable = hand.picked.filter((o) => !o.shape.mask);
    if (!hand.store.frame || !movable.length) return;
    for (const o of movable) this.edits.set(o.id, change(hand.shapeOf(o).shape));
    hand.stage.paint();
    hand.rest(() => this.place(movable[0].id));
  }

  /** Where a shape that is changed by keys has come to. */
  private place(id: string): string | null {
    const shape = this.edits.get(id);
    if (!shape) return null;
    const [x1, y1, x2, y2] = shape.box;
    const [, , w, h, a] = shape.rotated ?? [0, 0, x2 - x1, y2 - y1, null];
    const turned = a === null ? "" : `, turned by ${Math.round((a * 180) / Math.PI)} degrees`;
    return `${Math.round(w)} by ${Math.round(h)} at ${Math.round(x1)}, ${Math.round(y1)}${turned}`;
  }

  enter(how: string): boolean {
    const editing = this.hand.tool === "edit";
    if (!editing && !this.edits.size) return false;
    this.keep(how);
    if (editing) this.hand.setTool("select");
    return true;
  }

  /** Everything is where it was before it was moved. */
  takeBack(): boolean {
    if (!this.busy) return false;
    this.drop();
    this.hand.stage.paint();
    this.hand.say("Not moved");
    return true;
  }

  // ---- what comes of it

  /** Send what has been changed; an unchanged shape sends nothing. */
  keep(how: string): boolean {
    const { frame } = this.hand.store;
    if (!frame || !this.edits.size) return true;
    const edits = [...this.edits]
      .filter(([id, shape]) => {
        const o = frame.objects.find((q) => q.id === id);
        return o && hasArea(shape) && JSON.stringify(o.shape) !== JSON.stringify(shape);
      })
      .map(([object_id, shape]) => ({ object_id, shape }));
    this.edits.clear();
    if (edits.length) this.hand.change(edits, how);
    else this.hand.stage.paint();
    return true;
  }

  drop(): void {
    this.edits.clear();
    this.drag = null;
  }

  rename(name: (id: string) => string): void {
    const renamed = (shapes: Map<string, Shape>) =>
      new Map([...shapes].map(([id, shape]) => [name(id), shape]));
    this.edits = renamed(this.edits);
    this.before = renamed(this.before);
    if (this.drag?.kind === "part") this.drag.start = renamed(this.drag.start);
  }

  live(ctx: CanvasRenderingContext2D): void {
    const { drag } = this;
    if (drag?.kind !== "marquee") return;
    const shape = { box: boxOf(drag.from, drag.to) };
    this.hand.stage.ink.outline(ctx, { shape } as AnnotatedObject, false);
  }
}
