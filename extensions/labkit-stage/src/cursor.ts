// The keyboard's pointer: arrows move a crosshair over the frame, a tap of Space is a click there.

import type { Hand } from "./hand";
import { FINE, type Press } from "./tools/tool";
import type { Point } from "./types";

const MARGIN = 24;
const PRESS: Press = {
  altKey: false,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  button: 0,
  detail: 0,
};

export class Cursor {
  /** Where it is, in pixels of the frame; null while the mouse points. */
  at: Point | null = null;
  /** A tap has begun a drag that the next one ends. */
  private held = false;

  constructor(private readonly hand: Hand) {}

  /** Move by pixels of the frame; the first time it is only shown. */
  move(dx: number, dy: number): void {
    const { frame } = this.hand.store;
    if (!frame) return;
    if (!this.at) return this.show();
    const within = (v: number, most: number) => Math.min(Math.max(v, 0), most);
    this.go({ x: within(this.at.x + dx, frame.width), y: within(this.at.y + dy, frame.height) });
    this.speak("");
  }

  private show(): void {
    this.hand.reach = FINE;
    this.go(this.start());
    this.speak("Crosshair at ");
  }

  /** The middle of the selected object, or of what can be seen of the frame. */
  private start(): Point {
    const { picked, stage, store } = this.hand;
    const frame = store.frame!;
    const middle = (a: number, b: number) => Math.round((a + b) / 2);
    if (picked.length === 1) {
      const [x1, y1, x2, y2] = picked[0].shape.box;
      return { x: middle(x1, x2), y: middle(y1, y2) };
    }
    const a = stage.view.toFrame({ x: 0, y: 0 });
    const b = stage.view.toFrame({ x: stage.width, y: stage.height });
    return {
      x: middle(Math.max(0, a.x), Math.min(frame.width, b.x)),
      y: middle(Math.max(0, a.y), Math.min(frame.height, b.y)),
    };
  }

  private go(at: Point): void {
    this.at = at;
    this.follow(at);
    this.hand.aim(at);
  }

  /** Pan where it would leave what can be seen. */
  private follow(at: Point): void {
    const { stage } = this.hand;
    const p = stage.view.toStage(at);
    const off = (v: number, size: number) =>
      v < MARGIN ? MARGIN - v : v > size - MARGIN ? size - MARGIN - v : 0;
    const [dx, dy] = [off(p.x, stage.width), off(p.y, stage.height)];
    if (stage.view.fitted || (!dx && !dy)) return;
    stage.view.pan(dx, dy);
    stage.soon();
  }

  /** A click at the crosshair; for what is dragged, the first tap begins and the second ends it. */
  tap(background: boolean): void {
    const { at, hand } = this;
    if (!at) return this.show();
    if (this.release()) return hand.up();
    hand.press(at, { ...PRESS, altKey: background });
    if (hand.holding) this.held = true;
    else hand.up();
  }

  /** Begin a drag at the crosshair, or end it, also with tools for which a tap is a click. */
  drag(): void {
    const { at, hand } = this;
    if (!at) return this.show();
    if (this.release()) return hand.up();
    hand.press(at, PRESS);
    this.held = this.at !== null; // it may have ended what was drawn
  }

  /** Whether a drag was held, which is now somebody else's. */
  release(): boolean {
    const { held } = this;
    this.held = false;
    return held;
  }

  hide(): void {
    this.at = null;
  }

  /** Say where it is once it rests. */
  private speak(before: string): void {
    this.hand.rest(() => this.at && `${before}${Math.round(this.at.x)}, ${Math.round(this.at.y)}`);
  }
}
