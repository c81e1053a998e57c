// What every tool answers to. The hand passes on what the pointer and the keys do.

import type { Point } from "../types";

export type ToolName =
  | "select"
  | "edit"
  | "box"
  | "rotated"
  | "polygon"
  | "keypoints"
  | "brush"
  | "eraser"
  | "fill"
  | "segment";

/** How far a mouse, a pen or the keyboard may be off, and how far a finger, in stage pixels. */
export const FINE = 8;
export const FINGER = 18;

/** A press, whatever has made it. */
export type Press = Pick<
  PointerEvent,
  "altKey" | "shiftKey" | "ctrlKey" | "metaKey" | "button" | "detail"
>;

/** The right button, and the button at the other end of a pen. */
const OTHER = [2, 5];

export const isOther = (press: Pick<Press, "button">): boolean => OTHER.includes(press.button);

/** Whether a press is about what does not belong to the object, or is not seen. */
export const isBackground = (press: Press): boolean => press.altKey || isOther(press);

export interface Tool {
  /** Whether Escape has something to drop. */
  readonly busy: boolean;
  /** Whether a press has begun a drag, which a second tap of Space ends. */
  readonly holding?: boolean;
  /** Whether the right button and a pen's eraser draw, too. */
  readonly takesRight?: boolean;
  /** The object that is changed, where it is not a new one. */
  readonly target?: string | null;
  /** Objects that the live layer draws in place of the base. */
  readonly lifted?: Iterable<string>;
  /** The tool is taken up. */
  on?(): void;
  /** The tool is put away; what was unfinished has been dropped. */
  off?(): void;
  /** A press, in pixels of the frame. */
  down(at: Point, press: Press): void;
  move(at: Point): void;
  up(): void;
  /** The pointer has left the stage. */
  left?(): void;
  /** The press was the beginning of something else, such as a pinch. */
  lift(): void;
  /**
   * Send what is finished, if anything is; also where a verdict or another tool ends it. False where
   * it cannot be left now, and has been said; `then` is called once it can.
   */
  keep(how: string, then?: () => void): boolean;
  /** Enter; false where it is about the selected objects. Otherwise: keep, where busy. */
  enter?(how: string): boolean;
  /** Take back the last point or stroke; false where there is none. */
  takeBack?(): boolean;
  /** Go on without the point that is next. */
  leaveOut?(): void;
  /** What is drawn has another label now. */
  labelled?(): void;
  /** Forget what is not sent. */
  drop(): void;
  /** Another frame is shown, with other objects. */
  elsewhere?(): void;
  /** Objects have other names now. */
  rename?(name: (id: string) => string): void;
  /** Draw what moves. */
  live(ctx: CanvasRenderingContext2D): void;
}
