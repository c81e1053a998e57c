// The words of the keymap as deeds. A verdict shows the next frame at once.

import type { Hand } from "./hand";
import { standing } from "./hit";
import type { AnnotatedObject, FrameState } from "./messages";
import { caption } from "./paint";
import type { Stage } from "./stage";
import type { Store } from "./store";
import type { ToolName } from "./tools/tool";
import { decided, shown } from "./visibility";

type Verdict = "accept_frame" | "reject_frame" | "skip";

const VERDICTS: Record<Verdict, { state: FrameState; spoken: string }> = {
  accept_frame: { state: "accepted", spoken: "Accepted" },
  reject_frame: { state: "hand", spoken: "To hand-labelling" },
  skip: { state: "skipped", spoken: "Skipped" },
};

export class Actions {
  /** A decided frame whose next frame has not arrived: it takes no second verdict. */
  private waiting = "";
  toggleSheet: () => void = () => undefined;

  constructor(
    private readonly store: Store,
    private readonly stage: Stage,
    private readonly hand: Hand,
    private readonly say: (text: string, urgent?: boolean) => void,
  ) {}

  run(action: string, tool = "key"): void {
    const label = /^label_(\d+)$/.exec(action);
    if (label) return this.setLabel(this.store.config.labels[Number(label[1]) - 1], tool);
    const deed = this.deeds[action];
    if (deed) deed(tool);
  }

  private readonly deeds: Record<string, (tool: string) => void> = {
    accept_frame: (tool) => this.verdict("accept_frame", tool),
    reject_frame: (tool) => this.verdict("reject_frame", tool),
    skip: (tool) => this.verdict("skip", tool),
    accept: (tool) => this.onObjects("accept", tool),
    reject: (tool) => this.onObjects("reject", tool),
    next: () => this.step(1),
    previous: () => this.step(-1),
    undo: (tool) => this.history("undo", tool),
    redo: (tool) => this.history("redo", tool),
    object_next: () => this.walk(1),
    object_previous: () => this.walk(-1),
    select_all: () => this.hand.select(standing(this.stage.visible).map((o) => o.id)),
    edit: () => this.edit(),
    new_box: () => this.toggle("box"),
    new_rotated: () => this.toggle("rotated"),
    new_polygon: () => this.toggle("polygon"),
    new_keypoints: () => this.toggle("keypoints"),
    take_back: () => this.takeBack(),
    drag: () => this.drag(),
    leave_out: () => this.hand.leaveOut(),
    brush: () => this.hand.setTool("brush"),
    eraser: () => this.hand.setTool("eraser"),
    fill: () => this.hand.setTool("fill"),
    keep: (tool) => this.keep(tool),
    back: () => this.back(),
    copy_next: () => this.copyNext(),
    segment: () => this.toggle("segment"),
    track: (tool) => this.follow(tool),
    fit: () => this.look(() => this.stage.fit()),
    actual: () => this.look(() => this.stage.view.actual(this.stage.width, this.stage.height)),
    zoom_in: () => this.zoom(1.25),
    zoom_out: () => this.zoom(0.8),
    contrast: () => this.store.send({ type: "contrast" }),
    threshold_up: () => this.threshold(this.store.status.threshold + 0.05),
    threshold_down: () => this.threshold(this.store.status.threshold - 0.05),
    larger: () => this.brushSize(1.25),
    smaller: () => this.brushSize(0.8),
    sheet: () => this.toggleSheet(),
  };

  // ---- frames

  private verdict(action: Verdict, tool: string): void {
    const { store } = this;
    if (!this.hand.keep(tool, () => this.verdict(action, tool))) return;
    const frame = store.frame;
    if (!frame || this.waiting === frame.frame_id) return;
    const next = store.at(frame.place + 1);
    const last = frame.place + 1 >= store.status.total;
    const { threshold } = store.status;
    // the kernel refuses this where proposals have come since that were not on the screen
    const args = action === "accept_frame" ? { threshold, proposals: frame.proposals } : {};
    const then = last ? frame.frame_id : (next?.frame_id ?? "");
    const accepted = (o: AnnotatedObject): AnnotatedObject =>
      o.state === "proposed" && shown(o, threshold) ? decided(o, "accepted") : o;
    store.imagine(
      frame,
      (objects) => (action === "accept_frame" ? objects.map(accepted) : objects),
      VERDICTS[action].state,
    );
    store.act(action, args, { frame, then, tool });
    if (!last && !next) this.waiting = frame.frame_id;
    else if (next) store.goto(next.frame_id);
    const { spoken } = VERDICTS[action];
    const after = last ? ". This is the end of the queue" : next ? `. ${this.where()}` : "";
    this.say(spoken + after);
  }

  where(): string {
    const { frame, status } = this.store;
    if (!frame) return "";
    const n = this.stage.visible.length;
    return `Frame ${frame.place + 1} of ${status.total}, ${n} object${n === 1 ? "" : "s"}`;
  }

  step(by: number): void {
    const frame = this.store.frame;
    if (!frame) return;
    this.goPlace(frame.place + by);
  }

  goPlace(place: number): void {
    const { store } = this;
    if (place < 0 || place >= store.status.total)
      return this.say(place < 0 ? "This is the first frame" : "This is the end of the queue");
    if (!this.hand.keep("key", () => this.goPlace(place))) return;
    const to = store.at(place);
    store.move(place, to?.frame_id ?? "");
    if (!to) return;
    store.goto(to.frame_id);
    this.say(this.where());
  }

  private drag(): void {
    if (this.hand.aims) this.hand.cursor.drag();
    else this.say("Choose what to draw first", true);
  }

  private takeBack(): void {
    if (!this.hand.takeBack()) this.say("There is nothing to take back");
  }

  private history(kind: "undo" | "redo", tool: string): void {
    if (kind === "undo" && this.hand.takeBack()) return;
    this.hand.drop();
    this.store.act(kind, {}, { then: "", tool });
  }

  /** The next frame is here, or the verdict was refused. */
  arrived(): void {
    this.waiting = "";
  }

  // ---- objects

  private setLabel(label: string | undefined, tool: string): void {
    if (!label) return;
    const { store, hand } = this;
    if (hand.tool === "keypoints" && hand.busy)
      return this.say("Finish the keypoints first: Enter keeps them, Escape drops them", true);
    if (hand.draws) return hand.setLabel(label);
    this.hand.keep(tool);
    hand.label = label;
    const frame = store.frame;
    const ids = hand.picked.filter((o) => o.label !== label).map((o) => o.id);
    if (frame && ids.length) {
      store.imagine(frame, (objects) =>
        objects.map((o) =>
          ids.includes(o.id)
            ? { ...decided(o, o.state === "added" ? "added" : "edited"), label }
            : o,
        ),
      );
      store.act("relabel", { object_ids: ids, label }, { frame, tool });
      this.say(`Now ${label}`);
    } else if (!hand.picked.length) this.say(`New objects are ${label}`);
    hand.select(hand.selected);
  }

  chooseLabel(label: string): void {
    this.setLabel(label, "mouse");
  }

  private onObjects(action: "accept" | "reject", tool: string): void {
    const { store, hand } = this;
    const ids = hand.picked.map((o) => o.id);
    if (!ids.length) return this.say("Select an object first", true);
    // send what has been moved first, and end a drag of what is decided
    hand.selecting.keep(tool);
    hand.selecting.drop();
    if (action === "reject" && ids.includes(hand.painting.target ?? "")) hand.drop();
    const frame = store.frame;
    if (!frame) return;
    const after = this.stage.visible;
    const place = after.findIndex((o) => o.id === ids[ids.length - 1]);
    const follower = after.slice(place + 1).find((o) => !ids.includes(o.id));
    const state = action === "accept" ? "accepted" : "rejected";
    store.imagine(frame, (objects) =>
      objects.map((o) => (ids.includes(o.id) ? decided(o, state) : o)),
    );
    store.act(action, { object_ids: ids }, { frame, tool });
    this.say(`${ids.length > 1 ? `${ids.length} objects` : "Object"} ${state}`);
    if (ids.length === 1) hand.select(follower ? [follower.id] : []);
  }

  /** Follow the chosen objects to the next frames, or stop where all of them are followed. */
  private follow(tool: string): void {
    const { store, hand } = this;
    if (!hand.keep(tool, () => this.follow(tool))) return;
    const object_ids = hand.picked.filter((o) => o.state !== "rejected").map((o) => o.id);
    if (!store.frame || !object_ids.length)
      return this.say("Select an object to follow first", true);
    store.act("follow", { object_ids }, { frame: store.frame, tool });
  }

  private walk(by: number): void {
    const objects = this.stage.visible;
    if (!objects.length) return this.say("No object is shown");
    const { selected } = this.hand;
    const here = objects.findIndex((o) => o.id === selected[selected.length - 1]);
    const place = here < 0 ? (by > 0 ? 0 : objects.length - 1) : here + by;
    const k = (place + objects.length) % objects.length;
    this.hand.select([objects[k].id]);
    this.say(`${caption(objects[k])}, ${objects[k].state}, ${k + 1} of ${objects.length}`);
  }

  private toggle(tool: ToolName): void {
    this.hand.setTool(this.hand.tool === tool ? "select" : tool);
  }

  private edit(): void {
    const { hand } = this;
    if (hand.tool === "edit") {
      hand.keep("key");
      return hand.setTool("select");
    }
    if (!hand.picked.length) this.walk(1);
    if (!hand.picked.length) return;
    hand.setTool("edit");
    this.say(
      "Edit: arrows move, with Alt they resize, with Ctrl they turn, Enter keeps, Escape drops",
    );
  }

  private keep(tool: string): void {
    if (!this.hand.enter(tool)) this.onObjects("accept", tool);
  }

  private back(): void {
    const { hand } = this;
    if (hand.busy) {
      hand.drop();
      if (hand.tool === "segment") this.say("Dropped");
    } else if (hand.tool !== "select") hand.setTool("select");
    else hand.select([]);
    if (hand.tool === "edit") hand.setTool("select");
  }

  private copyNext(): void {
    const { store, hand } = this;
    const frame = store.frame;
    const next = frame && store.at(frame.place + 1);
    hand.keep("key");
    if (!next || !hand.picked.length)
      return this.say(next ? "Select an object first" : "There is no next frame", true);
    if (next.width !== frame.width || next.height !== frame.height)
      return this.say("The next frame has another size", true);
    const objects = hand.picked.map((o) => ({
      id: `new-${crypto.randomUUID()}`,
      label: o.label,
      shape: o.shape,
    }));
    store.act("add", { objects }, { frame: next, tool: "copy" });
    this.say(`${objects.length} copied to the next frame`);
  }

  // ---- looking

  private look(change: () => void): void {
    change();
    this.stage.soon();
  }

  private zoom(factor: number): void {
    const middle = { x: this.stage.width / 2, y: this.stage.height / 2 };
    this.look(() => this.stage.view.zoom(this.hand.at ?? middle, factor));
  }

  private brushSize(factor: number): void {
    this.hand.painting.larger(factor);
    this.stage.paintLive();
  }

  /** Show from another score on; what is decided does not move. */
  threshold(value: number): void {
    const rounded = Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
    this.store.setThreshold(rounded);
  }
}
