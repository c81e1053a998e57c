// The bar above the stage: verdicts, tools, looking, progress, time, and whether all is saved.

import type { Actions } from "./actions";
import { h, say } from "./dom";
import type { Hand } from "./hand";
import type { Store } from "./store";

const BUTTONS: [string, string, string, string][][] = [
  [
    ["accept_frame", "Accept", "Accept the frame", "good"],
    ["reject_frame", "By hand", "Send the frame to hand-labelling", "bad"],
  ],
  [
    ["previous", "‹", "Frame before", "icon"],
    ["next", "›", "Next frame", "icon"],
    ["undo", "Undo", "Undo", ""],
    ["redo", "Redo", "Redo", ""],
  ],
  [
    ["new_box", "Box", "New box", "tool:box"],
    ["new_rotated", "Rotated", "New rotated box", "tool:rotated"],
    ["new_polygon", "Polygon", "New polygon", "tool:polygon"],
    ["new_keypoints", "Points", "New keypoints", "tool:keypoints"],
    ["brush", "Brush", "Paint a mask", "tool:brush"],
    ["eraser", "Eraser", "Erase from a mask", "tool:eraser"],
    ["fill", "Fill", "Fill a closed area of the mask", "tool:fill"],
    ["segment", "Segment", "Segment by clicks", "tool:segment"],
    ["edit", "Edit", "Edit the object by keys", "tool:edit"],
    ["track", "Follow", "Follow the chosen objects to the next frames, or stop following them", ""],
  ],
  [
    ["fit", "Fit", "Fit the frame", ""],
    ["actual", "1:1", "One pixel of the frame per pixel of the screen", ""],
  ],
];

/** While a mask is painted there is something to fill. */
const PAINTING = new Set(["brush", "eraser", "fill"]);

const LIGHTS = { saved: "Saved", saving: "Saving", refused: "Not saved", silent: "No answer" };

export class Bar {
  readonly element: HTMLElement;
  private readonly tools = new Map<string, HTMLElement>();
  private readonly light = h("span", { class: "lk-light", role: "status" });
  private readonly progress = h("span", { class: "lk-progress", title: "Frames decided" });
  private readonly clock = h("span", { class: "lk-clock", title: "Active time of this session" });
  private base = 0;
  private since = performance.now();
  private last = performance.now();
  private readonly ticking: number;

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly hand: Hand,
  ) {
    const groups = BUTTONS.map((group) =>
      h("div", { class: "lk-group" }, ...group.map((button) => this.button(...button))),
    );
    const sheet = h(
      "button",
      {
        class: "lk-button lk-icon",
        type: "button",
        "aria-label": "Keys",
        title: "Keys (?)",
        click: () => actions.run("sheet", "mouse"),
      },
      "?",
    );
    this.element = h(
      "div",
      { class: "lk-bar", role: "toolbar", "aria-label": "Verdicts and tools" },
      h("div", { class: "lk-tools" }, ...groups),
      h("div", { class: "lk-state" }, this.progress, this.clock, this.light, sheet),
    );
    this.ticking = window.setInterval(() => this.tick(), 1000);
  }

  destroy(): void {
    window.clearInterval(this.ticking);
  }

  private button(action: string, text: string, name: string, kind: string): HTMLElement {
    const key = keyOf(this.store, action);
    const button = h(
      "button",
      {
        class: `lk-button${kind && !kind.includes(":") ? ` lk-${kind}` : ""}`,
        type: "button",
        "aria-label": name,
        title: key ? `${name} (${key})` : name,
        "data-action": action,
        click: () => {
          this.store.touched();
          this.actions.run(action, "mouse");
        },
      },
      text,
      ...(key && (kind === "good" || kind === "bad") ? [h("kbd", {}, key)] : []),
    );
    if (kind.startsWith("tool:")) this.tools.set(kind.slice(5), button);
    return button;
  }

  update(): void {
    const { store } = this;
    for (const [tool, button] of this.tools)
      button.setAttribute("aria-pressed", String(this.hand.tool === tool));
    this.tools.get("fill")!.hidden = !PAINTING.has(this.hand.tool);
    const n = store.pending.size;
    const text = LIGHTS[store.light];
    this.light.dataset.light = store.light;
    say(this.light, store.light === "saving" && n > 1 ? `${text} ${n}` : text);
    this.light.title = store.lightText;
    say(this.progress, `${store.status.done} / ${store.status.total}`);
    if (store.status.active_s !== this.base) {
      this.base = store.status.active_s;
      this.since = performance.now();
    }
    this.tick();
  }

  /** Note a sign of life: the clock goes on between two counts of the kernel. */
  active(): void {
    this.last = performance.now();
  }

  private tick(): void {
    const now = performance.now();
    if (now - this.last > 60_000) this.since = now;
    const seconds = Math.floor(this.base + (now - this.since) / 1000);
    const two = (v: number) => String(v).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    say(this.clock, hours ? `${hours}:${rest}` : rest);
  }
}

export function keyOf(store: Store, action: string): string {
  const found = Object.entries(store.config.keys).find(([, name]) => name === action);
  if (!found) return "";
  return found[0]
    .split("+")
    .map(
      (part) =>
        ({ shift: "⇧", ctrl: "Ctrl+", alt: "Alt+", arrowup: "↑", arrowdown: "↓", enter: "Enter" })[
          part
        ] ?? part.toUpperCase(),
    )
    .join("");
}
