// What is the page's own; what passes between it and the kernel is in messages.ts.

import type { FrameMessage, FromPage, StatusMessage } from "./messages";

export type Point = { x: number; y: number };

/** A frame as this page shows it: as the kernel sent it, with what was done here since. */
export type Frame = Omit<FrameMessage, "type">;
export type Status = Omit<StatusMessage, "type">;

/** A message to the kernel before it is signed with this page's id. */
export type Unsigned = FromPage extends infer M
  ? M extends FromPage
    ? Omit<M, "client">
    : never
  : never;

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
