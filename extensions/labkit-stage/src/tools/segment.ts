// Segmenting by clicks: presses become points and boxes for the interactor, and its mask is kept.

import { boxOf } from "../geometry";
import type { Hand } from "../hand";
import type { AnnotatedObject, Box } from "../messages";
import type { Pointing, Prompt } from "../pointing";
import type { Point } from "../types";
import { isBackground, type Press, type Tool } from "./tool";

const CLICK = 4;

export class Segmenting implements Tool {
  readonly takesRight = true;
  /** The object whose shape is replaced, where one was selected. */
  target: string | null = null;
  private pressed: { at: Point; to: Point; positive: boolean; collect: boolean } | null = null;
  /** Ctrl is held: several clicks are asked for at once. */
  private collecting = false;

  constructor(
    private readonly hand: Hand,
    private readonly pointing: Pointing,
  ) {}

  get busy(): boolean {
    return this.pointing.busy;
  }

  on(): void {
    const { picked } = this.hand;
    this.drop();
    this.target = picked.length === 1 ? picked[0].id : null;
    this.pointing.open();
  }

  off(): void {
    this.drop();
    this.pointing.close();
  }

  // ---- the pointer

  down(at: Point, press: Press): void {
    const { hand, pointing } = this;
    // the mask is made from these points, so they must not change now
    if (pointing.then) return hand.say("The mask is being kept: one moment");
    const near = (p: Prompt) => Math.hypot(p.x - at.x, p.y - at.y) <= hand.near;
    const hit = pointing.points.findIndex(near);
    if (hit >= 0) {
      pointing.points.splice(hit, 1);
      return pointing.ask();
    }
    const collect = press.ctrlKey || press.metaKey;
    this.pressed = { at, to: at, positive: !isBackground(press), collect };
  }

  move(at: Point): void {
    if (this.pressed) this.pressed.to = at;
    else if (!this.collecting) this.pointing.preview(at);
  }

  up(): void {
    const { hand, pointing, pressed } = this;
    this.pressed = null;
    if (!pressed) return;
    const takes = pointing.info?.takes ?? [];
    if (this.isDrag(pressed)) {
      if (!takes.includes("box")) return hand.say("This model takes no boxes: click instead", true);
      pointing.box = this.inside(boxOf(pressed.at, pressed.to));
    } else {
      if (!pressed.positive && pointing.ready && !takes.includes("negative points"))
        return hand.say("This model takes no points of the background", true);
      pointing.points.push({ ...this.within(pressed.at), positive: pressed.positive });
    }
    this.collecting = pressed.collect;
    if (!this.collecting) pointing.ask();
    hand.changed();
  }

  private isDrag({ at, to }: { at: Point; to: Point }): boolean {
    return Math.hypot(to.x - at.x, to.y - at.y) * this.hand.stage.view.k > CLICK;
  }

  private within(p: Point): Point {
    const frame = this.hand.store.frame!;
    return {
      x: Math.min(Math.max(p.x, 0), frame.width),
      y: Math.min(Math.max(p.y, 0), frame.height),
    };
  }

  private inside(box: Box): Box {
    const [a, b] = [this.within({ x: box[0], y: box[1] }), this.within({ x: box[2], y: box[3] })];
    return [a.x, a.y, b.x, b.y];
  }

  lift(): void {
    this.pressed = null;
  }

  left(): void {
    this.pointing.endPreview();
  }

  /** Ctrl was let go: what was collected is asked for. */
  released(): void {
    if (!this.collecting) return;
    this.collecting = false;
    this.pointing.ask();
  }

  /** Without the last point, or without the box where there is none. */
  takeBack(): boolean {
    const { pointing } = this;
    if (!this.busy) return false;
    pointing.then = null;
    if (!pointing.points.pop()) pointing.box = null;
    pointing.ask();
    return true;
  }

  // ---- what comes of it

  enter(how: string): boolean {
    const { pointing } = this;
    if (pointing.made || pointing.waiting) this.keep(how);
    else this.hand.say("Click on an object first", true);
    return true;
  }

  /** The interactor's answer becomes an object, or the shape of the one that was selected. */
  keep(how: string, then?: () => void): boolean {
    const { hand, pointing } = this;
    const { frame } = hand.store;
    const { made } = pointing;
    if (pointing.waiting) {
      pointing.then = () => {
        this.keep(how);
        then?.();
      };
      hand.say("It will be kept as soon as its mask is here");
      return false;
    }
    if (!frame || !made) return true;
    const { shape, rings, tool } = made;
    const old = frame.objects.find((o) => o.id === this.target);
    if (old) {
      const { keypoints } = old.shape;
      const whole = { ...shape, ...(keypoints && { keypoints }) };
      hand.change([{ object_id: old.id, shape: whole }], tool, rings);
    } else hand.add(shape, tool, rings);
    this.drop();
    this.target = null;
    hand.selected = [];
    hand.stage.paint();
    hand.changed();
    return true;
  }

  drop(): void {
    this.pressed = null;
    this.collecting = false;
    this.pointing.clear();
  }

  elsewhere(): void {
    this.target = null;
  }

  rename(name: (id: string) => string): void {
    if (this.target) this.target = name(this.target);
  }

  // ---- drawing

  live(ctx: CanvasRenderingContext2D): void {
    const { hand, pointing, pressed } = this;
    const { answer } = pointing;
    const color = hand.store.config.looks.added.color;
    for (const ring of answer?.rings ?? []) this.ring(ctx, ring, color, answer!.preview);
    const drag = pressed && this.isDrag(pressed);
    const box = drag ? boxOf(pressed.at, pressed.to) : pointing.box;
    if (box) hand.stage.ink.outline(ctx, { shape: { box } } as AnnotatedObject, false);
    for (const p of pointing.points) this.point(ctx, p);
  }

  /** A plus on what belongs to the object, a minus on what does not. */
  private point(ctx: CanvasRenderingContext2D, p: Prompt): void {
    const { x, y } = this.hand.stage.view.toStage(p);
    ctx.beginPath();
    ctx.arc(x, y, 7, 0, 2 * Math.PI);
    ctx.fillStyle = p.positive ? "#00845f" : "#c04a00";
    ctx.fill();
    ctx.lineWidth = 2;
    ctx.strokeStyle = "#ffffff";
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - 3.5, y);
    ctx.lineTo(x + 3.5, y);
    if (p.positive) {
      ctx.moveTo(x, y - 3.5);
      ctx.lineTo(x, y + 3.5);
    }
    ctx.stroke();
  }

  private ring(ctx: CanvasRenderingContext2D, flat: number[], color: string, faint: boolean): void {
    const { view } = this.hand.stage;
    ctx.beginPath();
    for (let k = 0; k < flat.length; k += 2) {
      const p = view.toStage({ x: flat[k], y: flat[k + 1] });
      if (k) ctx.lineTo(p.x, p.y);
      else ctx.moveTo(p.x, p.y);
    }
    ctx.closePath();
    ctx.globalAlpha = faint ? 0.2 : 0.4;
    ctx.fillStyle = color;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.setLineDash(faint ? [4, 3] : []);
    for (const [width, style] of [
      [4, "rgba(0, 0, 0, 0.55)"],
      [2, "#ffffff"],
    ] as const) {
      ctx.lineWidth = width;
      ctx.strokeStyle = style;
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }
}
