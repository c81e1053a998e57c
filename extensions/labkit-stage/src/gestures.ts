// Pointer, wheel and pinch on the stage. Zooming and panning happen here; the rest is the hand's.

import type { Hand } from "./hand";
import type { Stage } from "./stage";
import type { Store } from "./store";
import { isOther } from "./tools/tool";
import type { Point } from "./types";

export class Gestures {
  /** Space is held: the next drag pans. */
  space = false;
  /** Space has panned since it went down: it is no tap. */
  panned = false;
  private last: Point = { x: NaN, y: NaN };
  private readonly touches = new Map<number, Point>();
  private panning: Point | null = null;
  private spread = 0;

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
      // a right click points at the background then; JupyterLab's menu would cover it
      if (hand.takesRight) e.stopPropagation();
    });
    on.addEventListener("auxclick", (e) => e.preventDefault());
  }

  private down(event: PointerEvent): void {
    this.stage.element.focus({ preventScroll: true });
    const p = this.stage.pointOf(event);
    this.touches.set(event.pointerId, p);
    this.stage.element.setPointerCapture(event.pointerId);
    if (this.touches.size === 2) {
      this.hand.lift();
      this.spread = 0;
      return;
    }
    event.preventDefault();
    this.store.touched();
    if (event.button === 1 || (event.button === 0 && this.space)) {
      this.panning = p;
      this.panned = true;
      this.stage.element.dataset.pan = "on";
    } else if (event.button === 0 || (isOther(event) && this.hand.takesRight))
      this.hand.down(p, event);
  }

  private move(event: PointerEvent): void {
    const p = this.stage.pointOf(event);
    this.store.life();
    if (this.touches.has(event.pointerId)) this.touches.set(event.pointerId, p);
    if (this.touches.size === 2) this.pinch();
    else if (this.panning) {
      this.stage.view.pan(p.x - this.panning.x, p.y - this.panning.y);
      this.panning = p;
      this.stage.soon();
    } else if (p.x !== this.last.x || p.y !== this.last.y) this.hand.move(p);
    this.last = p;
  }

  private up(event: PointerEvent): void {
    this.touches.delete(event.pointerId);
    this.spread = 0;
    if (this.panning) {
      this.panning = null;
      delete this.stage.element.dataset.pan;
    } else if (event.type === "pointercancel") this.hand.drop();
    else this.hand.up();
  }

  private pinch(): void {
    const [a, b] = [...this.touches.values()];
    const spread = Math.hypot(a.x - b.x, a.y - b.y);
    const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    if (this.spread) this.stage.view.zoom(middle, spread / this.spread);
    this.spread = spread;
    this.stage.soon();
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
