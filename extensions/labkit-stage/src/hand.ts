// What the reviewer's hand holds: the tool, the selection, and what comes of a gesture.

import { Cursor } from "./cursor";
import { hasArea, snap } from "./geometry";
import type { AnnotatedObject, Shape } from "./messages";
import { Pointing } from "./pointing";
import type { Stage } from "./stage";
import type { Store } from "./store";
import { Boxing } from "./tools/box";
import { Placing } from "./tools/keypoints";
import { Painting } from "./tools/paint";
import { Outlining } from "./tools/polygon";
import { Turning } from "./tools/rotated";
import { Segmenting } from "./tools/segment";
import { Selecting } from "./tools/select";
import { FINE, type Press, type Tool, type ToolName } from "./tools/tool";
import type { Point } from "./types";
import { ALWAYS, decided } from "./visibility";

const DRAWN = 3;
const SNAP = 8;
const QUIET_MS = 350;

export class Hand {
  tool: ToolName = "select";
  label: string;
  selected: string[] = [];
  hover: string | null = null;
  /** Where the pointer is, in pixels of the stage. */
  at: Point | null = null;
  /** How far the pointer may be off, in pixels of the stage. */
  reach = FINE;
  stage!: Stage;
  readonly pointing: Pointing;
  readonly cursor = new Cursor(this);
  readonly selecting = new Selecting(this);
  readonly painting = new Painting(this);
  readonly segmenting: Segmenting;
  private resting = 0;
  private readonly tools: Record<ToolName, Tool>;

  constructor(
    readonly store: Store,
    readonly changed: () => void,
    readonly say: (text: string, urgent?: boolean) => void,
    /** Said to a screen reader alone. */
    readonly whisper: (text: string) => void,
  ) {
    this.label = store.config.labels[0] ?? "";
    this.pointing = new Pointing(store, () => this.stage, changed, say);
    this.segmenting = new Segmenting(this, this.pointing);
    this.tools = {
      select: this.selecting,
      edit: this.selecting,
      box: new Boxing(this),
      rotated: new Turning(this),
      polygon: new Outlining(this),
      keypoints: new Placing(this),
      brush: this.painting,
      eraser: this.painting,
      fill: this.painting,
      segment: this.segmenting,
    };
  }

  private get current(): Tool {
    return this.tools[this.tool];
  }

  get lifted(): Set<string> {
    return new Set(this.current.lifted);
  }

  get objects(): AnnotatedObject[] {
    return this.stage.visible;
  }

  get picked(): AnnotatedObject[] {
    return this.objects.filter((o) => this.selected.includes(o.id));
  }

  get busy(): boolean {
    return this.current.busy;
  }

  /** Whether a press has begun a drag. */
  get holding(): boolean {
    return this.current.holding === true;
  }

  /** Whether arrows move the keyboard's crosshair; else they walk over objects or move them. */
  get aims(): boolean {
    return this.drawing || (this.tool === "edit" && this.cursor.at !== null);
  }

  private get drawing(): boolean {
    return this.tool !== "select" && this.tool !== "edit";
  }

  get takesRight(): boolean {
    return this.current.takesRight === true;
  }

  /** Whether something new is drawn, which gets the label in hand. */
  get draws(): boolean {
    return this.drawing && !this.objects.some((o) => o.id === this.current.target);
  }

  /** How far a pointer may be off, in pixels of the frame. */
  get near(): number {
    return this.reach / this.stage.view.k;
  }

  /** The least side of what is drawn, in pixels of the frame. */
  get least(): number {
    return DRAWN / this.stage.view.k;
  }

  /** A point inside of the frame, at its edge where it is near to it; keys are exact. */
  snapped(at: Point): Point {
    return snap(at, this.store.frame!, this.cursor.at ? 0 : SNAP / this.stage.view.k);
  }

  /** The shape as it is under the hand. */
  shapeOf(o: AnnotatedObject): AnnotatedObject {
    const shape = this.selecting.edits.get(o.id);
    return shape ? { ...o, shape, rings: shape.mask ? o.rings : undefined } : o;
  }

  select(ids: string[]): void {
    this.selecting.keep("key");
    this.selected = ids;
    this.stage.paintLive();
    this.changed();
  }

  /** The ledger has given names to new objects; a drag of one of them goes on. */
  rename(name: (id: string) => string): void {
    this.selected = this.selected.map(name);
    this.current.rename?.(name);
  }

  setTool(tool: ToolName): void {
    if (this.tool === tool) return;
    if (this.tools[tool] !== this.current) {
      if (!this.keep("key", () => this.setTool(tool))) return;
      this.drop();
      this.current.off?.();
      this.hold(tool);
      this.current.on?.();
    } else this.hold(tool);
    this.hover = null;
    this.stage.paint();
    this.changed();
  }

  /** Back to selecting; what the tool held is finished. */
  putAway(): void {
    this.hold("select");
  }

  private hold(tool: ToolName): void {
    this.tool = tool;
    this.cursor.release();
    if (!this.drawing) this.cursor.hide();
    this.stage.element.dataset.tool = tool;
  }

  /** Forget what is not sent; what was being drawn is gone. */
  drop(): void {
    const had = this.lifted.size;
    this.cursor.release();
    this.current.drop();
    if (had) this.stage.paint();
    else this.stage.paintLive();
  }

  /** Another frame is shown. */
  elsewhere(): void {
    this.drop();
    for (const tool of Object.values(this.tools)) tool.elsewhere?.();
  }

  // ---- the pointer

  /** A press at a point of the stage. */
  down(p: Point, press: Press): void {
    const at = this.stage.view.toFrame(p);
    // the mouse ends what the keyboard has begun
    if (this.cursor.release()) this.aim(at);
    else this.press(at, press);
  }

  press(at: Point, press: Press): void {
    if (!this.store.frame) return;
    this.current.down(at, press);
    this.stage.paintLive();
  }

  move(p: Point): void {
    this.cursor.hide();
    this.aim(this.stage.view.toFrame(p), p);
  }

  /** Point at a place of the frame. */
  aim(at: Point, p = this.stage.view.toStage(at)): void {
    if (!this.store.frame) return;
    this.at = p;
    this.current.move(at);
    this.stage.paintLive();
  }

  up(): void {
    this.current.up();
    this.stage.paintLive();
  }

  /** The press was the beginning of a pinch. */
  lift(): void {
    const had = this.lifted.size;
    this.current.lift();
    if (had) this.stage.paint();
    else this.stage.paintLive();
  }

  leave(): void {
    if (this.cursor.at) return;
    this.at = this.hover = null;
    this.current.left?.();
    this.stage.paintLive();
  }

  /** Say to a screen reader where something is, once it rests there. */
  rest(text: () => string | null): void {
    window.clearTimeout(this.resting);
    this.resting = window.setTimeout(() => {
      const said = text();
      if (said) this.whisper(said);
    }, QUIET_MS);
  }

  // ---- what is unfinished

  takeBack(): boolean {
    if (!this.current.takeBack?.()) return false;
    this.stage.paintLive();
    return true;
  }

  leaveOut(): void {
    this.current.leaveOut?.();
    this.stage.paintLive();
  }

  /** Give what is drawn next another label. */
  setLabel(label: string): void {
    this.label = label;
    if (this.draws && this.selected.length) this.select([]);
    if (this.current.labelled) this.current.labelled();
    else this.say(`New objects are ${label}`);
    this.stage.paintLive();
    this.changed();
  }

  // ---- finished gestures

  /** Send what is finished. False where it cannot be left now; `then` is called once it can. */
  keep(how: string, then?: () => void): boolean {
    return this.current.keep(how, then);
  }

  /** Enter: keep what is unfinished; false where it is about the selected objects. */
  enter(how: string): boolean {
    const { current } = this;
    if (current.enter) return current.enter(how);
    if (!current.busy) return false;
    current.keep(how);
    return true;
  }

  /** Give objects of the frame other shapes. */
  change(edits: { object_id: string; shape: Shape }[], tool: string, rings?: number[][]): void {
    const frame = this.store.frame!;
    const by = new Map(edits.map((e) => [e.object_id, e.shape]));
    this.store.imagine(frame, (objects) =>
      objects.map((o) => {
        const shape = by.get(o.id);
        if (!shape) return o;
        const outlines = rings ?? (shape.mask && shape.mask === o.shape.mask ? o.rings : undefined);
        return { ...decided(o, o.state === "added" ? "added" : "edited"), shape, rings: outlines };
      }),
    );
    this.store.act("edit", { edits }, { frame, tool });
    this.say(edits.length > 1 ? `${edits.length} shapes changed` : "Shape changed");
  }

  /** A new object of the label in hand; its name until the ledger gives it one. */
  add(shape: Shape, tool: string, rings?: number[][]): string {
    const frame = this.store.frame!;
    const id = `new-${crypto.randomUUID()}`;
    const { label } = this;
    const made: AnnotatedObject = {
      id,
      label,
      state: "added",
      score: null,
      shape,
      rings,
      track: null,
      shown_from: ALWAYS,
    };
    this.store.imagine(frame, (objects) => [...objects, made]);
    this.store.act("add", { objects: [{ id, label, shape }] }, { frame, tool });
    this.say(`${label} added`);
    return id;
  }

  /** Add what has been drawn and select it, unless there is nothing to see of it. */
  draw(shape: Shape, tool: string): void {
    if (!this.store.frame || !hasArea(shape, this.least)) return;
    const id = this.add(shape, tool);
    this.putAway();
    this.select([id]);
  }

  // ---- drawing what moves

  live(ctx: CanvasRenderingContext2D): void {
    const { cursor, stage } = this;
    if (cursor.at) this.at = stage.view.toStage(cursor.at);
    const hovered = this.objects.find((o) => o.id === this.hover);
    if (hovered && !this.selected.includes(hovered.id)) stage.ink.outline(ctx, hovered, false);
    for (const o of this.picked) {
      if (o.id === this.painting.target) continue;
      const now = this.shapeOf(o);
      stage.ink.outline(ctx, now, true);
      if (this.selected.length === 1) stage.ink.handles(ctx, now);
    }
    this.current.live(ctx);
    if (!cursor.at || !this.at) return;
    stage.ink.crosshair(ctx, this.at);
    const place = `${Math.round(cursor.at.x)}, ${Math.round(cursor.at.y)}`;
    stage.ink.label(ctx, place, { x: this.at.x, y: this.at.y + 28 });
  }
}
