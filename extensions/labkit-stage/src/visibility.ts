// Which objects are shown: the page's half of labkit/core/visibility.py.

import type { AnnotatedObject, State } from "./messages";

/** `shown_from` of what is shown at any threshold. */
export const ALWAYS = 1;

/** Whether an object is shown at a threshold; scores are stored as float32, so it is made one. */
export const shown = (o: AnnotatedObject, threshold: number): boolean =>
  Math.fround(threshold) <= o.shown_from;

/** What is painted: what is shown, and crossed out what was rejected. */
export const painted = (objects: AnnotatedObject[], threshold: number): AnnotatedObject[] =>
  objects.filter((o) => o.state === "rejected" || shown(o, threshold));

/** An object as it will be once a decision on it is saved: no threshold hides it. */
export const decided = (o: AnnotatedObject, state: State): AnnotatedObject => ({
  ...o,
  state,
  shown_from: ALWAYS,
});
