// What passes between the kernel and the page, in JSON.
// Made from labkit/widgets/messages.py by extensions/generate_messages.py: change it there.

export type State = "proposed" | "accepted" | "edited" | "rejected" | "added";

/** x1, y1, x2, y2. */
export type Box = [number, number, number, number];

/** cx, cy, width, height, and the angle in radians from the x axis to the width. */
export type Rotated = [number, number, number, number, number];

/** x, y, and how sure it is that it can be seen: 0 where it is not labelled. */
export type Keypoint = [number, number, number];

/** The places of two keypoints that are joined. */
export type Limb = [number, number];

/** A mask in COCO's run-length encoding; `size` is height, width. */
export interface Rle {
  size: [number, number];
  counts: string;
}

/** A shape in pixels of the frame. */
export interface Shape {
  box: Box;
  rotated?: Rotated;
  polygons?: number[][];
  mask?: Rle;
  keypoints?: Keypoint[];
}

/** The names of a label's keypoints in order, and which of them are joined. */
export interface Skeleton {
  names: string[];
  limbs: Limb[];
}

/** What has been decided on a frame as a whole. */
export type FrameState = "new" | "open" | "accepted" | "hand" | "skipped";

/**
 * One object of a frame.
 *
 * `rings` are the outlines of a mask, for drawing and hitting; `followed_by` names the tracker
 * that carries it to the next frame. `shown_from` is the highest threshold at which it is shown,
 * see :mod:`labkit.core.visibility`; `score` is there to be read.
 */
export interface AnnotatedObject {
  id: string;
  label: string;
  state: State;
  score: number | null;
  shape: Shape;
  rings?: number[][];
  track: number | null;
  followed_by?: string;
  shown_from: number;
}

/**
 * A frame of the window.
 *
 * `revision` is the ledger's number up to which it knows the frame, `proposals` a checksum of
 * the proposals that it was made of. `image` is the id of the model with the encoded picture,
 * empty until that is read.
 */
export interface FrameMessage {
  type: "frame";
  frame_id: string;
  place: number;
  revision: number;
  proposals: number;
  name: string;
  width: number;
  height: number;
  state: FrameState;
  why: string;
  objects: AnnotatedObject[];
  image: string;
  error: string;
}

/** How the objects of one state look; `dash` in CSS pixels, empty for a solid line. */
export interface Look {
  color: string;
  dash: number[];
  double: boolean;
  mark: string;
  word: string;
}

/** One group of the cheat sheet: rows of (keys, what they do). */
export interface KeysOf {
  title: string;
  rows: [string, string][];
}

/**
 * What a page has to know of its reviewer.
 *
 * `id` is unique in the kernel. `keys` has the action of each key, `skeletons` those of the
 * labels that have one, `skeleton` the limbs of 17 keypoints whose label has none. On a frame
 * with more objects than `many`, only those wide enough are named.
 */
export interface Config {
  id: string;
  labels: string[];
  keys: Record<string, string>;
  sheet: KeysOf[];
  looks: Record<State, Look>;
  skeleton: Limb[];
  skeletons: Record<string, Skeleton>;
  many: number;
  height: number;
}

/** Frames that have left the window: their bitmaps can be closed. */
export interface Drop {
  type: "drop";
  frame_ids: string[];
}

/** After the commit, or its refusal; `made` has the ids of objects drawn in the browser. */
export interface Answer {
  type: "answer";
  id: string;
  ok: boolean;
  frame_id: string;
  revision: number;
  message: string;
  made: Record<string, string>;
}

/**
 * The session has moved; the page named by `by` knows it already.
 *
 * `done` has the number of each page's last act or move that was handled.
 */
export interface Where {
  type: "at";
  frame_id: string;
  by: string;
  done: Record<string, number>;
}

/** The threshold that the page named by `by` asked for has been taken in, or refused. */
export interface ThresholdTaken {
  type: "threshold";
  by: string;
}

/**
 * Progress.
 *
 * `states` has a letter per frame in the order of the queue, or is empty where `changed`, the
 * places whose letter has changed, says all.
 */
export interface StatusMessage {
  type: "status";
  place: number;
  done: number;
  total: number;
  states: string;
  changed: [number, string][];
  threshold: number;
  active_s: number;
}

/** The canvas below is about to change: the stage covers it. */
export interface Cover {
  type: "cover";
}

/** The canvas will show what a view asked for once its first pixel has the colour `mark`. */
export interface Show {
  type: "show";
  view: string;
  stamp: number;
  mark: number;
}

/** A line for the person. */
export interface Notice {
  type: "notice";
  level: "info" | "error";
  text: string;
}

/** What the interactor is and takes; `text` says how it is used, or why it cannot be. */
export interface PointingMessage {
  type: "pointing";
  state: "opening" | "ready" | "failed";
  name: string;
  names: string[];
  takes: string[];
  min_points: number;
  text: string;
}

/** An interactor's answer; `ms` is the time it took, 0 where it had to look at the frame. */
export interface MaskMessage {
  type: "mask";
  id: string;
  frame_id: string;
  preview: boolean;
  shape: Shape | null;
  rings: number[][];
  score: number;
  ms: number;
  error: string;
}

/** All messages that a page gets. */
export type FromKernel =
  | FrameMessage
  | Drop
  | Answer
  | Where
  | ThresholdTaken
  | StatusMessage
  | Cover
  | Show
  | Notice
  | PointingMessage
  | MaskMessage;

/** A page has been loaded and knows nothing yet. */
export interface Ready {
  type: "ready";
  client: string;
}

/** What a person can decide. */
export type Gesture =
  | "accept_frame"
  | "reject_frame"
  | "skip"
  | "accept"
  | "reject"
  | "relabel"
  | "edit"
  | "add"
  | "follow"
  | "undo"
  | "redo";

/** Another shape of an object. */
export interface NewShape {
  object_id: string;
  shape: Shape;
}

/** An object drawn in the browser; `id` is its name until the ledger gives it one. */
export interface NewObject {
  id: string;
  label: string;
  shape: Shape;
}

/**
 * What a gesture is about; which of them there are depends on the gesture.
 *
 * A verdict on the frame says from which `threshold`, and of which `proposals` (a checksum),
 * it was made.
 */
export interface Arguments {
  object_ids?: string[];
  label?: string;
  edits?: NewShape[];
  objects?: NewObject[];
  threshold?: number;
  proposals?: number;
}

/**
 * One gesture, made on a revision of a frame; `then` is the frame shown after it.
 *
 * `refusals` are those that the page knows of; `number` counts its acts and moves. `by` is
 * put in by the kernel: who clicked, in a shared server.
 */
export interface Act {
  type: "act";
  id: string;
  client: string;
  action: Gesture;
  frame_id: string;
  revision: number;
  then: string;
  tool: string;
  clicks: number;
  args: Arguments;
  refusals?: number;
  number?: number;
  by?: string | null;
}

/** Go to a place of the queue; `then` is the frame that is shown already. */
export interface Goto {
  type: "goto";
  client: string;
  place: number;
  then: string;
  number?: number;
}

/** Show from another score on. */
export interface MoveThreshold {
  type: "threshold";
  client: string;
  value: number;
}

/** A view has come to rest: paint the canvas below with `stage = frame * k + (tx, ty)`. */
export interface ViewRequest {
  type: "view";
  client: string;
  view: string;
  stamp: number;
  frame_id: string;
  k: number;
  tx: number;
  ty: number;
  width: number;
  height: number;
  ratio: number;
  ground: string;
}

/** Ask for all pixels of a frame that is shown reduced. */
export interface Want {
  type: "want";
  client: string;
  frame_id: string;
}

/** The tool that segments by clicks was taken up or laid down, or another model was chosen. */
export interface SwitchPointing {
  type: "pointing";
  client: string;
  on: boolean;
  name?: string;
}

/** Clicks, and a box, for the interactor; `vertices` of a polygon at most, 0 for a mask. */
export interface PromptsMessage {
  type: "prompt";
  client: string;
  id: string;
  preview: boolean;
  frame_id: string;
  points: [number, number][];
  labels: number[];
  box?: Box | null;
  vertices?: number;
}

/** Switch more contrast on or off, for dark and flat frames. */
export interface Contrast {
  type: "contrast";
  client: string;
}

/** A sign of life, for the timer of active seconds. */
export interface Life {
  type: "life";
  client: string;
}

/** All messages that a page sends. */
export type FromPage =
  | Ready
  | Act
  | Goto
  | MoveThreshold
  | ViewRequest
  | Want
  | SwitchPointing
  | PromptsMessage
  | Contrast
  | Life;
