// What the reviewer's hand holds: the tool, the selection, and shapes that are not sent yet.

import {
  boxOf, deleteVertex, dragged, hasArea, insertVertex, nudged, polygonShape, snap,
  type Part,
} from "./geometry";
import { objectAt, partAt } from "./hit";
import { Brush } from "./mask";
import { Pointing } from "./pointing";
import type { Stage } from "./stage";
import type { Store } from "./store";
import type { Obj, Point, Shape } from "./types";

export type Tool = "select" | "edit" | "box" | "polygon" | "brush" | "eraser" | "segment";

type Drag =
  | { kind: "part"; part: Part; from: Point; start: Map<string, Shape> }
  | { kind: "box" | "marquee"; from: Point; to: Point }
  | { kind: "brush"; last: Point; erase: boolean };

const NEAR = 8;
const DRAWN = 3;

export class Hand {
  tool: Tool = "select";
  label: string;
  selected: string[] = [];
  hover: string | null = null;
  at: Point | null = null;
  points: Point[] = [];
  brush: Brush | null = null;
  brushOn: string | null = null;
  readonly edits = new Map<string, Shape>();
  private drag: Drag | null = null;
  stage!: Stage;
  readonly pointing: Pointing;

  constructor(
    private readonly store: Store,
    private readonly changed: () => void,
    private readonly say: (text: string, urgent?: boolean) => void,
  ) {
    this.label = store.config.labels[0] ?? "";
    this.pointing = new Pointing(store, () => this.stage, changed, say);
  }

  get lifted(): Set<string> {
    const out = new Set(this.edits.keys());
    if (this.brushOn) out.add(this.brushOn);
    return out;
  }

  get objects(): Obj[] {
    return this.stage.visible;
  }

  get picked(): Obj[] {
    return this.objects.filter((o) => this.selected.includes(o.id));
  }

  get dragging(): boolean {
    return this.drag !== null;
  }

  private get near(): number {
    return NEAR / this.stage.view.k;
  }

  /** The shape as it is under the hand. */
  shapeOf(o: Obj): Obj {
    const shape = this.edits.get(o.id);
    return shape ? { ...o, shape, rings: undefined } : o;
  }

  select(ids: string[]): void {
    if (this.edits.size) this.keep("key");
    this.selected = ids;
    this.stage.paintLive();
    this.changed();
  }

  setTool(tool: Tool): void {
    if (this.tool === tool) return;
    this.drop();
    if (this.tool === "segment") this.pointing.off();
    this.tool = tool;
    this.stage.element.dataset.tool = tool;
    if (tool === "brush" || tool === "eraser") this.openBrush();
    if (tool === "segment") this.pointing.on(this.picked.length === 1 ? this.picked[0].id : null);
    this.stage.paint();
    this.changed();
  }

  /** Forget what is not sent; what was being drawn is gone. */
  drop(): void {
    const had = this.edits.size || this.brush;
    this.edits.clear();
    this.points = [];
    this.drag = null;
    this.brush = this.brushOn = null;
    this.pointing.clear();
    if (had) this.stage.paint();
    else this.stage.paintLive();
  }

  // ---- the pointer

  /** A press on the stage; true where a drag has begun. */
  down(p: Point, event: PointerEvent): boolean {
    const at = this.stage.view.toFrame(p);
    const frame = this.store.frame;
    if (!frame) return false;
    if (this.tool === "box") {
      const from = snap(at, frame, this.near);
      this.drag = { kind: "box", from, to: from };
      return true;
    }
    if (this.tool === "polygon") return this.addPoint(at, event);
    if (this.tool === "segment") {
      const drags = this.pointing.down(at, event);
      this.stage.paintLive();
      return drags;
    }
    if (this.brush) {
      const erase = this.tool === "eraser" || event.altKey;
      this.drag = { kind: "brush", last: at, erase };
      this.brush.stroke(at, at, erase);
      this.stage.paintLive();
      return true;
    }
    return this.downOnObject(at, event);
  }

  private downOnObject(at: Point, event: PointerEvent): boolean {
    for (const o of this.picked) {
      const now = this.shapeOf(o);
      const part = partAt(now, at, this.near, this.stage.view.k);
      if (!part || (part.kind === "body" && (o.shape.mask || event.shiftKey))) continue;
      if (part.kind === "body" && this.smallerUnder(at, o)) continue;
      if (part.kind === "vertex" && event.altKey && !o.shape.rotated) {
        this.removeVertex(o, part.ring, part.index);
        return false;
      }
      this.lift(o, part, at);
      return true;
    }
    const hit = objectAt(this.objects, at, this.near / 2);
    if (hit) {
      const others = this.selected.filter((id) => id !== hit.id);
      const was = others.length < this.selected.length;
      this.select(event.shiftKey ? (was ? others : [...others, hit.id]) : [hit.id]);
      return false;
    }
    this.drag = { kind: "marquee", from: at, to: at };
    return true;
  }

  private smallerUnder(at: Point, o: Obj): boolean {
    const hit = objectAt(this.objects, at, 0);
    return hit !== null && hit.id !== o.id && !this.selected.includes(hit.id);
  }

  private lift(o: Obj, part: Part, at: Point): void {
    const together = part.kind === "body" ? this.picked.filter((q) => !q.shape.mask) : [o];
    let start = new Map(together.map((q) => [q.id, this.shapeOf(q).shape]));
    if (part.kind === "edge") {
      const shape = insertVertex(start.get(o.id)!, part.ring, part.index, at);
      start = new Map([[o.id, shape]]);
      part = { kind: "vertex", ring: part.ring, index: part.index + 1 };
    }
    for (const [id, shape] of start) this.edits.set(id, shape);
    this.drag = { kind: "part", part, from: at, start };
    this.stage.paint();
  }

  private removeVertex(o: Obj, ring: number, index: number): void {
    const shape = deleteVertex(o.shape, ring, index);
    if (!shape) return this.say("A polygon keeps three points at least");
    this.edits.set(o.id, shape);
    this.keep("mouse");
  }

  private addPoint(at: Point, event: PointerEvent): boolean {
    const frame = this.store.frame!;
    const first = this.points[0];
    const closes = first && Math.hypot(first.x - at.x, first.y - at.y) <= this.near;
    if (this.points.length >= 3 && (closes || event.detail > 1)) this.closePolygon();
    else this.points.push(snap(at, frame, this.near));
    this.stage.paintLive();
    return false;
  }

  move(p: Point): void {
    const frame = this.store.frame;
    if (!frame) return;
    this.at = p;
    const at = this.stage.view.toFrame(p);
    const drag = this.drag;
    if (this.tool === "segment") {
      this.hover = null;
      this.pointing.move(at);
    } else if (!drag) {
      const hit = this.tool === "select" || this.tool === "edit";
      this.hover = hit ? (objectAt(this.objects, at, this.near / 2)?.id ?? null) : null;
    } else if (drag.kind === "part") {
      const to = drag.part.kind === "body" ? at : snap(at, frame, this.near);
      for (const [id, shape] of drag.start)
        this.edits.set(id, dragged(shape, drag.part, drag.from, to, frame));
    } else if (drag.kind === "brush") {
      this.brush?.stroke(drag.last, at, drag.erase);
      drag.last = at;
    } else {
      drag.to = drag.kind === "box" ? snap(at, frame, this.near) : at;
    }
    this.stage.paintLive();
  }

  up(): void {
    if (this.tool === "segment") {
      this.pointing.up();
      return this.stage.paintLive();
    }
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (drag.kind === "part") this.keep("mouse");
    else if (drag.kind === "box") this.addShape({ box: boxOf(drag.from, drag.to) }, "box");
    else if (drag.kind === "marquee") this.lasso(drag.from, drag.to);
    this.stage.paintLive();
  }

  private lasso(from: Point, to: Point): void {
    const [x1, y1, x2, y2] = boxOf(from, to);
    const inside = this.objects.filter(({ shape: { box } }) =>
      box[0] >= x1 && box[1] >= y1 && box[2] <= x2 && box[3] <= y2,
    );
    this.select(inside.map((o) => o.id));
    if (inside.length) this.say(`${inside.length} objects selected`);
  }

  leave(): void {
    this.at = this.hover = null;
    this.stage.paintLive();
  }

  // ---- keys that move shapes

  nudge(dx: number, dy: number, grow: boolean): void {
    const frame = this.store.frame;
    if (!frame) return;
    const movable = this.picked.filter((o) => !o.shape.mask);
    for (const o of movable)
      this.edits.set(o.id, nudged(this.shapeOf(o).shape, dx, dy, grow, frame));
    if (movable.length) this.stage.paint();
  }

  // ---- finished gestures

  /** Send what has been changed; an unchanged shape sends nothing. */
  keep(tool: string): void {
    const frame = this.store.frame;
    if (this.brush) return this.keepMask();
    if (this.tool === "segment") return this.keepPointed();
    if (this.points.length >= 3) return this.closePolygon();
    if (!frame || !this.edits.size) return;
    const edits = [...this.edits]
      .filter(([id, shape]) => {
        const o = frame.objects.find((q) => q.id === id);
        return o && hasArea(shape) && JSON.stringify(o.shape) !== JSON.stringify(shape);
      })
      .map(([object_id, shape]) => ({ object_id, shape }));
    this.edits.clear();
    if (!edits.length) return this.stage.paint();
    const by = new Map(edits.map((e) => [e.object_id, e.shape]));
    this.store.imagine(frame, (objects) =>
      objects.map((o) => {
        const shape = by.get(o.id);
        if (!shape) return o;
        return { ...o, shape, rings: undefined, state: o.state === "added" ? "added" : "edited" };
      }),
    );
    this.store.act("edit", { edits }, { frame, tool });
    this.say(edits.length > 1 ? `${edits.length} shapes changed` : "Shape changed");
  }

  /** The interactor's answer becomes an object, or the shape of the one that was selected. */
  private keepPointed(): void {
    const { pointing, store } = this;
    const { frame } = store;
    const { made, target } = pointing;
    if (pointing.waiting) pointing.then = () => this.keepPointed();
    if (!frame || !made) return;
    const { shape, rings, tool } = made;
    if (target) {
      const now = (o: Obj): Obj =>
        o.id === target ? { ...o, shape, rings, state: o.state === "added" ? "added" : "edited" } : o;
      store.imagine(frame, (objects) => objects.map(now));
      store.act("edit", { edits: [{ object_id: target, shape }] }, { frame, tool });
      this.say("Shape changed");
    } else {
      const id = `new-${crypto.randomUUID()}`;
      const added: Obj = {
        id, label: this.label, state: "added", score: null, shape, rings, track: null, hidden: false,
      };
      store.imagine(frame, (objects) => [...objects, added]);
      store.act("add", { objects: [{ id, label: this.label, shape }] }, { frame, tool });
      this.say(`${this.label} added`);
    }
    pointing.clear();
    pointing.target = null;
    this.selected = [];
    this.stage.paint();
    this.changed();
  }

  private closePolygon(): void {
    const points = this.points;
    this.points = [];
    this.addShape(polygonShape(points), "polygon");
  }

  addShape(shape: Shape, tool: string): void {
    const frame = this.store.frame;
    if (!frame || !hasArea(shape, DRAWN / this.stage.view.k)) return;
    const id = `new-${crypto.randomUUID()}`;
    const made: Obj = {
      id, label: this.label, state: "added", score: null, shape, track: null, hidden: false,
    };
    this.store.imagine(frame, (objects) => [...objects, made]);
    this.store.act("add", { objects: [{ id, label: this.label, shape }] }, { frame, tool });
    this.say(`${this.label} added`);
    this.tool = "select";
    this.stage.element.dataset.tool = "select";
    this.select([id]);
  }

  // ---- masks

  private openBrush(): void {
    const frame = this.store.frame;
    if (!frame) return;
    const on = this.picked.length === 1 ? this.picked[0] : null;
    const color = this.store.config.looks[on?.state ?? "added"].color;
    this.brushOn = on?.shape.mask ? on.id : null;
    this.brush = new Brush(frame.width, frame.height, on?.shape.mask, color);
    this.brush.radius = Math.max(2, frame.width / 60);
  }

  private keepMask(): void {
    const frame = this.store.frame;
    const mask = this.brush?.rle();
    const on = this.brushOn;
    const tool = this.tool;
    this.brush = this.brushOn = null;
    this.tool = "select";
    this.stage.element.dataset.tool = "select";
    if (!frame || !mask) return this.stage.paint();
    const old = frame.objects.find((o) => o.id === on);
    // the kernel works out the box; until then the old one stands
    const shape: Shape = { box: old?.shape.box ?? [0, 0, frame.width, frame.height], mask };
    if (on) this.store.act("edit", { edits: [{ object_id: on, shape }] }, { frame, tool });
    else
      this.store.act(
        "add",
        { objects: [{ id: `new-${crypto.randomUUID()}`, label: this.label, shape }] },
        { frame, tool },
      );
    this.say(on ? "Mask changed" : `${this.label} added`);
    this.stage.paint();
    this.changed();
  }

  // ---- drawing what moves

  live(ctx: CanvasRenderingContext2D): void {
    const { stage } = this;
    const objects = this.objects;
    const hovered = objects.find((o) => o.id === this.hover);
    if (hovered && !this.selected.includes(hovered.id)) stage.outline(ctx, hovered, false);
    for (const o of this.picked) {
      if (o.id === this.brushOn) continue;
      const now = this.shapeOf(o);
      stage.outline(ctx, now, true);
      if (this.selected.length === 1) stage.handles(ctx, now);
    }
    this.brush?.paint(ctx, stage.view);
    this.liveDrawing(ctx);
  }

  private liveDrawing(ctx: CanvasRenderingContext2D): void {
    const { stage, at } = this;
    const drag = this.drag;
    if (this.tool === "segment") this.pointing.live(ctx);
    if (drag && (drag.kind === "box" || drag.kind === "marquee")) {
      const box = boxOf(drag.from, drag.to);
      stage.outline(ctx, { shape: { box } } as Obj, drag.kind === "box");
      const size = `${Math.round(box[2] - box[0])} × ${Math.round(box[3] - box[1])}`;
      if (drag.kind === "box" && at) stage.label(ctx, size, at);
    } else if (this.tool === "polygon" && this.points.length) {
      const end = at ? [stage.view.toFrame(at)] : [];
      const shape = polygonShape([...this.points, ...end]);
      stage.outline(ctx, { shape } as Obj, true);
      stage.handles(ctx, { shape: polygonShape(this.points) } as Obj);
    } else if (at && this.tool === "box") {
      stage.crosshair(ctx, at);
      stage.label(ctx, this.label, at);
    }
    if (at && this.brush) {
      ctx.beginPath();
      ctx.arc(at.x, at.y, this.brush.radius * stage.view.k, 0, 2 * Math.PI);
      ctx.strokeStyle = "#ffffff";
      ctx.lineWidth = 1.5;
      ctx.stroke();
    }
  }
}

