// One view of the glass: stage, bar, side column and filmstrip around one store.

import { Actions } from "./actions";
import { Announcer } from "./announcer";
import { Bar } from "./bar";
import { h } from "./dom";
import { Film } from "./film";
import { Gestures } from "./gestures";
import { Hand } from "./hand";
import { belongsToLab, controlWants, nameOf, takesText } from "./keys";
import { PointBar } from "./pointbar";
import { Sheet } from "./sheet";
import { Side } from "./side";
import { Stage } from "./stage";
import type { Change, Store } from "./store";

export class Glass {
  readonly element: HTMLElement;
  private readonly stage: Stage;
  private readonly hand: Hand;
  private readonly actions: Actions;
  private readonly gestures: Gestures;
  private readonly bar: Bar;
  private readonly side: Side;
  private readonly film: Film;
  private readonly sheet: Sheet;
  private readonly pointBar: PointBar;
  private readonly announcer = new Announcer();
  private readonly notice = h("div", { class: "lk-notice", hidden: true });
  private readonly stop: (() => void)[] = [];
  /** Space went down with Shift. */
  private background = false;
  private queued = 0;
  private later = 0;
  private fading = 0;

  constructor(private readonly store: Store) {
    const say = (text: string, urgent = false) => this.say(text, urgent);
    this.hand = new Hand(
      store,
      () => this.soon(),
      say,
      (text) => this.announcer.say(text),
    );
    const hand = this.hand;
    this.stage = new Stage(store, crypto.randomUUID(), {
      get lifted() {
        return hand.lifted;
      },
      live: (ctx) => hand.live(ctx),
    });
    hand.stage = this.stage;
    this.actions = new Actions(store, this.stage, hand, say);
    this.gestures = new Gestures(this.stage, hand, store);
    this.bar = new Bar(store, this.actions, hand);
    this.side = new Side(store, this.stage, hand, this.actions);
    this.film = new Film(store, this.actions);
    this.sheet = new Sheet(store, () => this.stage.element.focus());
    this.actions.toggleSheet = () => this.sheet.toggle();
    this.pointBar = new PointBar(hand, (action, tool) => this.actions.run(action, tool));
    this.stage.element.append(this.notice, this.pointBar.element);
    this.element = h(
      "div",
      { class: "lk-glass", role: "region", "aria-label": "labkit review" },
      this.bar.element,
      this.stage.element,
      this.side.element,
      this.film.element,
      this.sheet.element,
      this.announcer.element,
    );
    this.listen();
    const asked = window.setTimeout(() => this.seeCanvas(), 4000);
    this.stop.push(() => window.clearTimeout(asked));
    const themed = new MutationObserver(() => this.soon());
    themed.observe(document.body, { attributeFilter: ["data-jp-theme-name"] });
    this.stop.push(() => themed.disconnect());
    this.stop.push(store.onChange((change, id) => this.changed(change, id)));
    this.stop.push(store.onNotice((text, urgent) => this.say(text, urgent)));
    this.update();
  }

  destroy(): void {
    for (const stop of this.stop) stop();
    this.stage.destroy();
    this.bar.destroy();
    this.hand.pointing.destroy();
    cancelAnimationFrame(this.queued);
    window.clearTimeout(this.later);
    window.clearTimeout(this.fading);
  }

  // ---- changes

  private changed(change: Change, frameId: string): void {
    if (change === "leave") return void this.hand.keep("key");
    const here = frameId === this.store.current;
    // a frame that is fetched ahead does not disturb what is being drawn on this one
    if (change === "frame" && here) {
      this.hand.elsewhere();
      const known = new Set(this.stage.visible.map((o) => o.id));
      this.hand.selected = this.hand.selected.filter((id) => known.has(id));
      this.actions.arrived();
    }
    if (change === "light") {
      if (this.store.light === "refused") this.actions.arrived();
      return this.bar.update();
    }
    if (change !== "status" && here) {
      this.rename();
      // another frame is painted at once; what several messages change on it, together
      if (change === "frame") this.stage.paint();
      else this.stage.soon();
    }
    this.soon();
  }

  /** A new object that is under the hand has its real name now. */
  private rename(): void {
    const { made } = this.store;
    this.hand.rename((id) => made.get(id) ?? id);
  }

  /** What stands around the picture follows once that has been painted. */
  private soon(): void {
    if (this.queued) return;
    this.queued = requestAnimationFrame(() => {
      this.later = window.setTimeout(() => {
        this.queued = 0;
        this.update();
      });
    });
  }

  private update(): void {
    this.bar.update();
    this.side.update();
    this.film.update();
    this.pointBar.update();
  }

  /** Where ipywidgets could not build the canvas below, the glass goes on covering it. */
  private seeCanvas(): void {
    const surface = this.element.closest(".labkit-surface");
    if (!surface?.querySelector(".jupyter-widgets-error-widget")) return;
    this.say(
      "JupyterLab has not loaded the front end of ipycanvas, and the bench does without it: " +
        "pip install ipycanvas into the environment that JupyterLab runs in, and load the page again",
      true,
    );
    window.clearTimeout(this.fading); // it stays until something else is said
  }

  private say(text: string, urgent = false): void {
    this.announcer.say(text, urgent);
    this.notice.textContent = text;
    this.notice.dataset.level = urgent ? "error" : "info";
    this.notice.hidden = false;
    window.clearTimeout(this.fading);
    this.fading = window.setTimeout(() => (this.notice.hidden = true), urgent ? 6000 : 1600);
  }

  // ---- keys

  private listen(): void {
    this.element.addEventListener("keydown", (e) => this.keydown(e));
    this.element.addEventListener("keyup", (e) => {
      if (nameOf(e).endsWith("space")) this.spaceUp();
      if (e.key === "Control" || e.key === "Meta") this.hand.segmenting.released();
      e.stopPropagation();
    });
    this.stage.element.addEventListener("blur", () => this.setSpace(false));
    // a click on a button leaves the focus where the keys are
    this.element.addEventListener("mousedown", (e) => {
      const control = (e.target as HTMLElement).closest("button, .lk-row");
      if (!control) return;
      e.preventDefault();
      if (!this.element.contains(document.activeElement))
        this.stage.element.focus({ preventScroll: true });
    });
  }

  private spaceDown(event: KeyboardEvent): void {
    if (event.repeat || this.sheet.open) return;
    this.gestures.panned = false;
    this.background = event.shiftKey;
    this.setSpace(true);
  }

  /** Space pans while it is held; a tap clicks at the keyboard's crosshair. */
  private spaceUp(): void {
    const clicks = this.hand.aims || this.hand.tool === "edit";
    const tapped = this.gestures.space && !this.gestures.panned && clicks;
    this.setSpace(false);
    if (!tapped) return;
    this.store.touched();
    this.hand.cursor.tap(this.background);
  }

  private setSpace(on: boolean): void {
    this.gestures.space = on;
    this.stage.element.classList.toggle("lk-panning", on);
  }

  private keydown(event: KeyboardEvent): void {
    const name = nameOf(event);
    if (event.key === "Tab") return;
    const action = this.store.config.keys[name];
    if (!action && belongsToLab(event) && !this.turns(event)) return;
    event.stopPropagation();
    if (takesText(event.target) || controlWants(event.target, name)) return;
    if (name === "space" || name === "shift+space") {
      event.preventDefault();
      return this.spaceDown(event);
    }
    if (this.sheet.open) {
      if (action === "sheet" || action === "back") {
        event.preventDefault();
        this.sheet.toggle();
      }
      return;
    }
    if (this.aim(event) || this.nudge(event)) return event.preventDefault();
    if (!action) return;
    event.preventDefault();
    if (event.repeat && ONCE.has(action)) return;
    this.store.touched();
    this.bar.active();
    this.actions.run(action);
  }

  /** Arrows with a drawing tool: they move the crosshair; Shift makes it ten pixels. */
  private aim(event: KeyboardEvent): boolean {
    const by = ARROWS[event.key];
    if (!by || !this.hand.aims || event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = event.shiftKey ? 10 : 1;
    this.store.life();
    this.hand.cursor.move(by[0] * step, by[1] * step);
    return true;
  }

  private turns(event: KeyboardEvent): boolean {
    return this.hand.tool === "edit" && /^Arrow(Left|Right)$/.test(event.key);
  }

  /** Arrows while editing: move, with Alt resize, with Ctrl turn; Shift makes it ten times. */
  private nudge(event: KeyboardEvent): boolean {
    const by = ARROWS[event.key];
    const { selecting, tool } = this.hand;
    if (tool !== "edit" || !by) return false;
    const step = event.shiftKey ? 10 : 1;
    const ctrl = event.ctrlKey || event.metaKey;
    if (ctrl && !this.turns(event)) return false;
    this.store.touched();
    if (ctrl) selecting.turn(by[0] * step);
    else selecting.nudge(by[0] * step, by[1] * step, event.altKey);
    return true;
  }
}

/** A held key decides one frame: these actions ignore the keyboard's repeats. */
const ONCE = new Set([
  "accept_frame",
  "reject_frame",
  "skip",
  "accept",
  "reject",
  "undo",
  "redo",
  "keep",
  "copy_next",
  "track",
  "contrast",
  "drag",
  "leave_out",
  "edit",
  "segment",
]);
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
