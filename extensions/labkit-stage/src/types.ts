// What passes between the kernel and the browser. labkit/widgets/messages.py says the same.

export type State = "proposed" | "accepted" | "edited" | "rejected" | "added";
export type Box = [number, number, number, number];
export type Point = { x: number; y: number };

export interface Rle {
  size: [number, number];
  counts: string;
}

/** x, y, and how sure it is that it can be seen: 0 where it is not labelled. */
export type Keypoint = [number, number, number];
export type Limb = [number, number];

/** The names of a label's keypoints in order, and which of them are joined. */
export interface Skeleton {
  names: string[];
  limbs: Limb[];
}

export interface Shape {
  box: Box;
  rotated?: [number, number, number, number, number];
  polygons?: number[][];
  mask?: Rle;
  keypoints?: Keypoint[];
}

export interface Obj {
  id: string;
  label: string;
  state: State;
  score: number | null;
  shape: Shape;
  /** Outlines of a mask, for drawing and hitting. */
  rings?: number[][];
  track: number | null;
  /** The tracker that carries it to the next frame. */
  followed_by?: string;
  /** Shown at any threshold: a tracker has doubts about it. */
  always?: boolean;
  hidden: boolean;
}

export interface Frame {
  frame_id: string;
  place: number;
  revision: number;
  /** A checksum of the proposals that it was made of. */
  proposals: number;
  name: string;
  width: number;
  height: number;
  state: string;
  why: string;
  objects: Obj[];
  /** Model id of the ipywidgets.Image with the encoded picture; empty until it is read. */
  image: string;
  error: string;
}

export interface Look {
  color: string;
  dash: number[];
  double: boolean;
  mark: string;
  word: string;
}

export interface Config {
  /** Unique in the kernel. */
  id: string;
  labels: string[];
  keys: Record<string, string>;
  sheet: { title: string; rows: [string, string][] }[];
  looks: Record<State, Look>;
  /** Limbs of 17 keypoints whose label has no skeleton. */
  skeleton: Limb[];
  /** The skeletons of labels that have one. */
  skeletons: Record<string, Skeleton>;
  many: number;
  height: number;
  reviewer: string;
  tools: string[];
}

export interface Status {
  place: number;
  done: number;
  total: number;
  /** One letter a frame, in the order of the queue. */
  states: string;
  /** Places whose letter has changed; `states` is then empty. */
  changed: [number, string][];
  threshold: number;
  active_s: number;
}

export interface Act {
  type: "act";
  id: string;
  client: string;
  action: string;
  frame_id: string;
  revision: number;
  then: string;
  tool: string;
  clicks: number;
  args: Record<string, unknown>;
  /** Refusals that this page knows of. */
  refusals: number;
  number: number;
}

/** What the interactor is, and whether it can be asked. */
export interface PointingMessage {
  type: "pointing";
  state: "opening" | "ready" | "failed";
  name: string;
  names: string[];
  takes: string[];
  min_points: number;
  /** How it is used, or why it cannot be. */
  text: string;
}

/** An interactor's answer; `ms` is the time it took, 0 where it does not count. */
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

export type FromKernel =
  | PointingMessage
  | MaskMessage
  | ({ type: "frame" } & Frame)
  | { type: "drop"; frame_ids: string[] }
  | {
      type: "answer";
      id: string;
      ok: boolean;
      frame_id: string;
      revision: number;
      message: string;
      made: Record<string, string>;
    }
  | { type: "at"; frame_id: string; by: string; done: Record<string, number> }
  | { type: "threshold"; by: string }
  | ({ type: "status" } & Status)
  | { type: "cover" }
  | { type: "show"; view: string; stamp: number; mark: number }
  | { type: "notice"; level: "info" | "error"; text: string };

/** The part of an anywidget model that is used here. */
export interface Model {
  get(name: string): unknown;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback?: (...args: never[]) => void): void;
  send(content: unknown): void;
  widget_manager: { get_model(id: string): Promise<ImageModel> };
}

/** The part of an ipywidgets image that is used here. */
export interface ImageModel {
  get(name: string): unknown;
  /** Ends when all that has arrived has been taken in. */
  state_change?: Promise<unknown>;
}
