// What this page knows of the session: the window of frames, where it stands, what is under way.
// One store a model; several views of the same widget share it.

import { Bitmaps } from "./bitmaps";
import type {
  Act,
  AnnotatedObject,
  Arguments,
  Config,
  FrameState,
  FromKernel,
  FromPage,
  Gesture,
} from "./messages";
import type { Frame, Model, Status, Unsigned } from "./types";
import type { View } from "./view";

/** "leave": another frame is about to come that this page did not ask for. */
export type Change = "frame" | "leave" | "objects" | "status" | "light" | "picture";
export type Light = "saved" | "saving" | "refused" | "silent";

const SILENT_MS = 5000;

export interface Afterimage {
  paint(ctx: CanvasRenderingContext2D, view: View): void;
}

export class Store {
  readonly client = crypto.randomUUID();
  readonly frames = new Map<string, Frame>();
  readonly bitmaps: Bitmaps;
  readonly pending = new Map<string, Act>();
  /** What was painted on frames and is drawn until the kernel's answer brings its outlines. */
  readonly afterimages = new Map<string, Afterimage[]>();
  /** Names that the kernel gave to objects drawn here. */
  readonly made = new Map<string, string>();
  config: Config;
  status: Status = {
    place: 0,
    done: 0,
    total: 0,
    states: "",
    changed: [],
    threshold: 0,
    active_s: 0,
  };
  current = "";
  light: Light = "saved";
  lightText = "";
  private readonly places = new Map<number, string>();
  private readonly listeners = new Set<(change: Change, frameId: string) => void>();
  private readonly notices = new Set<(text: string, urgent: boolean) => void>();
  private readonly shows = new Set<(message: FromKernel) => void>();
  private readonly wanted = new Set<string>();
  private clicks = 0;
  /** Gestures that the kernel has refused. */
  private refusals = 0;
  /** Acts and moves are numbered; `went` is the last one that moved this page to another frame. */
  private number = 0;
  private went = 0;
  /** Thresholds that the kernel has not taken in yet. */
  private moving = 0;
  private waiting = 0;
  private alive = 0;

  constructor(readonly model: Model) {
    this.config = model.get("config") as Config;
    this.bitmaps = new Bitmaps(model, (id) => this.emit("picture", id));
    model.on("change:config", () => {
      this.config = model.get("config") as Config;
      this.emit("frame");
    });
    model.on("msg:custom", (message: FromKernel) => this.receive(message));
  }

  // ---- who listens

  onChange(listener: (change: Change, frameId: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onNotice(listener: (text: string, urgent: boolean) => void): () => void {
    this.notices.add(listener);
    return () => this.notices.delete(listener);
  }

  onShow(listener: (message: FromKernel) => void): () => void {
    this.shows.add(listener);
    return () => this.shows.delete(listener);
  }

  notice(text: string, urgent = false): void {
    for (const listener of this.notices) listener(text, urgent);
  }

  private emit(change: Change, frameId = this.current): void {
    for (const listener of this.listeners) listener(change, frameId);
  }

  // ---- where we are

  get frame(): Frame | null {
    return this.frames.get(this.current) ?? null;
  }

  at(place: number): Frame | null {
    return this.frames.get(this.places.get(place) ?? "") ?? null;
  }

  goto(frameId: string): void {
    if (frameId === this.current) return;
    this.current = frameId;
    const frame = this.frame;
    if (frame) this.status = { ...this.status, place: frame.place };
    this.emit("frame");
  }

  // ---- out

  touched(): void {
    this.clicks++;
    this.life();
  }

  /** A sign of life for the timer of active seconds, every few seconds at most. */
  life(): void {
    const now = performance.now();
    if (now - this.alive < 8000) return;
    this.alive = now;
    this.send({ type: "life" });
  }

  /** Ask for all pixels of a frame, once. */
  want(frameId: string): void {
    if (this.wanted.has(frameId)) return;
    this.wanted.add(frameId);
    this.send({ type: "want", frame_id: frameId });
  }

  send(message: Unsigned): void {
    const signed: FromPage = { client: this.client, ...message };
    this.model.send(signed);
  }

  /** Have the session go to a place; `then` is the frame that is shown already. */
  move(place: number, then: string): void {
    this.went = ++this.number;
    this.send({ type: "goto", place, then, number: this.number });
  }

  /** Send a gesture; `then` is the frame that is shown after it. */
  act(
    action: Gesture,
    args: Arguments = {},
    options: { frame?: Frame; then?: string; tool?: string; id?: string } = {},
  ): void {
    const frame = options.frame ?? this.frame;
    if (!frame) return;
    const number = ++this.number;
    const act: Act = {
      type: "act",
      id: options.id ?? crypto.randomUUID(),
      client: this.client,
      action,
      frame_id: frame.frame_id,
      revision: frame.revision,
      then: options.then ?? this.current,
      tool: options.tool ?? "key",
      clicks: Math.max(1, this.clicks),
      args,
      refusals: this.refusals,
      number,
    };
    if (act.then && act.then !== frame.frame_id) this.went = number;
    this.clicks = 0;
    this.pending.set(act.id, act);
    this.setLight("saving", "");
    this.model.send(act);
    window.clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => {
      if (this.pending.size) this.setLight("silent", "the kernel does not answer");
    }, SILENT_MS);
  }

  /** Show at once what a gesture does; the kernel's answer brings the truth. */
  imagine(
    frame: Frame,
    change: (objects: AnnotatedObject[]) => AnnotatedObject[],
    state?: FrameState,
  ): void {
    this.frames.set(frame.frame_id, {
      ...frame,
      objects: change(frame.objects),
      state: state ?? frame.state,
    });
    this.emit("objects", frame.frame_id);
  }

  /** Go on drawing what was painted on a frame. */
  linger(frameId: string, image: Afterimage): void {
    this.afterimages.set(frameId, [...(this.afterimages.get(frameId) ?? []), image]);
  }

  /** Show from another score on. */
  setThreshold(value: number): void {
    this.status = { ...this.status, threshold: value };
    this.emit("objects");
    this.moving++;
    this.send({ type: "threshold", value });
  }

  private setLight(light: Light, text: string): void {
    this.light = light;
    this.lightText = text;
    this.emit("light");
  }

  // ---- in

  private receive(message: FromKernel): void {
    switch (message.type) {
      case "frame":
        this.take(message);
        break;
      case "drop":
        for (const id of message.frame_ids) this.forget(id);
        break;
      case "answer":
        this.answered(message);
        break;
      case "at":
        if (message.by !== this.client) this.sentTo(message);
        break;
      case "threshold":
        if (message.by === this.client) this.moving--;
        break;
      case "status": {
        const { type: _, ...status } = message;
        // this page knows best where it stands, and the threshold may be in motion
        const place = this.frame?.place ?? status.place;
        const threshold = this.moving ? this.status.threshold : status.threshold;
        const letters = [...(status.states || this.status.states)];
        for (const [k, letter] of status.changed) letters[k] = letter;
        this.status = { ...status, states: letters.join(""), place, threshold };
        this.emit("status");
        break;
      }
      case "notice":
        this.notice(message.text, message.level === "error");
        break;
      default:
        for (const listener of this.shows) listener(message);
    }
  }

  private busy(frameId: string): boolean {
    return [...this.pending.values()].some((a) => a.frame_id === frameId);
  }

  /** What this page shows of a frame, and has decided on; objects that were drawn have their names. */
  private seen({ objects, revision, proposals }: Frame): Partial<Frame> {
    const named = (o: AnnotatedObject): AnnotatedObject => ({
      ...o,
      id: this.made.get(o.id) ?? o.id,
    });
    return { objects: objects.map(named), revision, proposals };
  }

  /** The session has moved; news from before this page's own last move is ignored. */
  private sentTo(message: FromKernel & { type: "at" }): void {
    const to = message.frame_id;
    if (to === this.current || (message.done[this.client] ?? 0) < this.went) return;
    const before = this.number;
    this.emit("leave");
    this.goto(to);
    // keeping what was drawn there has moved the session back
    if (this.number > before && this.frame) this.move(this.frame.place, to);
  }

  private take(message: Frame & { type: "frame" }): void {
    const { type: _, ...frame } = message;
    const id = frame.frame_id;
    const known = this.frames.get(id);
    // keep showing gestures that are under way on it; the last answer brings the truth
    const busy = this.busy(id);
    const merged = known && busy ? { ...frame, ...this.seen(known) } : frame;
    if (!busy) this.afterimages.delete(id);
    if (!frame.image) this.wanted.delete(id); // other pixels are on their way
    this.frames.set(id, merged);
    this.places.set(frame.place, id);
    void this.bitmaps.want(frame);
    if (!this.current) this.goto(id);
    else this.emit(known ? "objects" : "frame", id);
  }

  private forget(id: string): void {
    if (id === this.current) return;
    const frame = this.frames.get(id);
    if (frame) this.places.delete(frame.place);
    this.frames.delete(id);
    this.afterimages.delete(id);
    this.wanted.delete(id);
    this.bitmaps.drop(id);
  }

  private answered(message: FromKernel & { type: "answer" }): void {
    if (!this.pending.delete(message.id)) return;
    const frame = this.frames.get(message.frame_id);
    if (frame && message.ok)
      this.frames.set(message.frame_id, { ...frame, revision: message.revision });
    for (const [ours, theirs] of Object.entries(message.made)) this.made.set(ours, theirs);
    if (!message.ok) {
      this.refusals++;
      this.setLight("refused", message.message);
      this.notice(message.message, true);
      if (message.frame_id !== this.current) this.emit("leave");
      this.goto(message.frame_id);
      const back = this.frame;
      if (back) this.move(back.place, back.frame_id);
    } else {
      if (message.message) this.notice(message.message);
      // a later gesture does not save what was refused
      if (!this.pending.size && this.light !== "refused") this.setLight("saved", "");
    }
  }
}
