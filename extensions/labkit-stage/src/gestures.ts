// Pointer, wheel and pinch on the stage. Zooming and panning happen here; the rest is the hand's.

import type { Hand } from "./hand";
import type { Stage } from "./stage";
import type { Store } from "./store";
import { FINE, FINGER, isOther } from "./tools/tool";
import type { Point } from "./types";

export class Gestures {
  /** Space is held: the next drag pans. */
  space = false;
  /** Space has panned since it went down, so it is not a tap. */
  panned = false;
  private last: Point = { x: NaN, y: NaN };
  /** Fingers on the stage. */
  private readonly touches = new Map<number, Point>();
  private pinching = false;
  private pinched: { middle: Point; spread: number } | null = null;
  /** A pen is down: touches are the hand's then, not fingers'. */
  private pen = false;
  /** The last press was a right click that the tool took. */
  private tookRight = false;
  private panning: Point | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly hand: Hand,
    private readonly store: Store,
  ) {
    const on = stage.element;
    on.addEventListener("pointerdown", (e) => this.down(e));
    on.addEventListener("pointermove", (e) => this.move(e));
    on.addEventListener("pointerup", (e) => this.up(e));
    on.addEventListener("pointercancel", (e) => this.up(e));
    on.addEventListener("pointerleave", () => hand.leave());
    on.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    on.addEventListener("contextmenu", (e) => {
      e.preventDefault();
      // the tool took this click, or a finger rests: JupyterLab's menu would cover it
      if (hand.takesRight || this.tookRight || (e as PointerEvent).pointerType === "touch")
        e.stopPropagation();
    });
    on.addEventListener("auxclick", (e) => e.preventDefault());
  }

  private down(event: PointerEvent): void {
    const { element } = this.stage;
    element.focus({ preventScroll: true });
    const p = this.stage.pointOf(event);
    element.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") {
      if (this.pen) return; // the palm of the hand that holds it
      this.touches.set(event.pointerId, p);
      if (this.touches.size > 1) return this.pinchFrom();
    } else if (event.pointerType === "pen") {
      if (this.touches.size) this.hand.lift();
      this.touches.clear();
      this.pinching = false;
      this.pinched = null;
      this.pen = true;
    }
    event.preventDefault();
    this.store.touched();
    this.tookRight = isOther(event) && this.hand.takesRight;
    this.hand.reach = event.pointerType === "touch" ? FINGER : FINE;
    if (event.button === 1 || (event.button === 0 && this.space)) {
      this.panning = p;
      this.panned = true;
      element.dataset.pan = "on";
    } else if (event.button === 0 || this.tookRight) this.hand.down(p, event);
  }

  private isPalm(event: PointerEvent): boolean {
    return event.pointerType === "touch" && !this.touches.has(event.pointerId);
  }

  private move(event: PointerEvent): void {
    const p = this.stage.pointOf(event);
    this.store.life();
    if (this.isPalm(event)) return;
    if (event.pointerType === "touch") this.touches.set(event.pointerId, p);
    if (this.pinching) this.pinch();
    else if (this.panning) {
      this.stage.view.pan(p.x - this.panning.x, p.y - this.panning.y);
      this.panning = p;
      this.stage.soon();
    } else if (p.x !== this.last.x || p.y !== this.last.y) this.hand.move(p);
    this.last = p;
  }

  private up(event: PointerEvent): void {
    if (this.isPalm(event)) return;
    if (event.pointerType === "pen") this.pen = false;
    this.touches.delete(event.pointerId);
    if (this.pinching) {
      // the finger that remains does not draw
      this.pinched = null;
      this.pinching = this.touches.size > 0;
    } else if (this.panning) {
      this.panning = null;
      delete this.stage.element.dataset.pan;
    } else if (event.type === "pointercancel") this.hand.lift();
    else this.hand.up();
  }

  // ---- two fingers

  /** A second finger: what the first one has begun is taken back. */
  private pinchFrom(): void {
    if (!this.pinching) this.hand.lift();
    this.pinching = true;
    this.pinched = null;
    this.pinch();
  }

  private pinch(): void {
    if (this.touches.size < 2) return;
    const [a, b] = [...this.touches.values()];
    const spread = Math.hypot(a.x - b.x, a.y - b.y);
    const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    const { pinched } = this;
    if (pinched?.spread && spread) {
      this.stage.view.pan(middle.x - pinched.middle.x, middle.y - pinched.middle.y);
      this.stage.view.zoom(middle, spread / pinched.spread);
      this.stage.soon();
    }
    this.pinched = { middle, spread };
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    event.stopPropagation();
    this.store.life();
    // a trackpad's pinch arrives as a wheel with Ctrl, in small steps
    const lines = event.deltaMode === 1 ? 16 : 1;
    const rate = event.ctrlKey ? 0.01 : 0.0018;
    this.stage.view.zoom(this.stage.pointOf(event), Math.exp(-event.deltaY * lines * rate));
    this.stage.soon();
  }
}
