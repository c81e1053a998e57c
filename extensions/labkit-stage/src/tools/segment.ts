// Segmenting by clicks: the presses go to the interactor, and what it makes is kept.

import type { Hand } from "../hand";
import type { Pointing } from "../pointing";
import type { Point } from "../types";
import type { Press, Tool } from "./tool";

export class Segmenting implements Tool {
  readonly takesRight = true;

  constructor(
    private readonly hand: Hand,
    private readonly pointing: Pointing,
  ) {}

  get busy(): boolean {
    return this.pointing.busy;
  }

  get target(): string | null {
    return this.pointing.target;
  }

  on(): void {
    const { picked } = this.hand;
    this.pointing.on(picked.length === 1 ? picked[0].id : null);
  }

  off(): void {
    this.pointing.off();
  }

  down(at: Point, press: Press): void {
    this.pointing.down(at, press, this.hand.near);
  }

  move(at: Point): void {
    this.pointing.move(at);
  }

  up(): void {
    this.pointing.up();
  }

  lift(): void {
    this.pointing.lift();
  }

  left(): void {
    this.pointing.left();
  }

  takeBack(): boolean {
    return this.pointing.takeBack();
  }

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
    const old = frame.objects.find((o) => o.id === pointing.target);
    if (old) {
      const { keypoints } = old.shape;
      const whole = { ...shape, ...(keypoints && { keypoints }) };
      hand.change([{ object_id: old.id, shape: whole }], tool, rings);
    } else hand.add(shape, tool, rings);
    pointing.clear();
    pointing.target = null;
    hand.selected = [];
    hand.stage.paint();
    hand.changed();
    return true;
  }

  drop(): void {
    this.pointing.clear();
  }

  elsewhere(): void {
    this.pointing.target = null;
  }

  rename(name: (id: string) => string): void {
    const { target } = this.pointing;
    if (target) this.pointing.target = name(target);
  }

  live(ctx: CanvasRenderingContext2D): void {
    this.pointing.live(ctx);
  }
}
