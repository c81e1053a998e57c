// The filmstrip: the frames around this one from the window, and the whole queue as one line.

import type { Actions } from "./actions";
import { h, say } from "./dom";
import type { Store } from "./store";

const BEFORE = 2;
const AFTER = 5;
const WIDTH = 144;
const HEIGHT = 92;
const COLORS: Record<string, string> = {
  n: "",
  o: "--lk-proposed",
  a: "--lk-accepted",
  h: "--lk-rejected",
  s: "--lk-skipped",
};
const WORDS: Record<string, string> = {
  accepted: "✓",
  hand: "✎",
  skipped: "↷",
  open: "◐",
  new: "",
};

export class Film {
  readonly element: HTMLElement;
  private readonly line = h("canvas", { class: "lk-line", "aria-hidden": "true" });
  private readonly thumbs: Thumb[] = [];
  /** Reduced once per picture, then moved from place to place with its frame. */
  private readonly pictures = new Map<string, HTMLCanvasElement>();
  private lined = "";

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
  ) {
    for (let k = -BEFORE; k <= AFTER; k++) this.thumbs.push(this.thumb());
    this.line.addEventListener("click", (event) => {
      const box = this.line.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      actions.goPlace(Math.floor(share * store.status.total));
    });
    this.element = h(
      "div",
      { class: "lk-film", role: "navigation", "aria-label": "Queue" },
      h("div", { class: "lk-thumbs" }, ...this.thumbs.map((thumb) => thumb.button)),
      this.line,
    );
  }

  private thumb(): Thumb {
    const button = h("button", {
      class: "lk-thumb",
      type: "button",
      tabindex: -1,
      click: () => this.actions.goPlace(Number(button.dataset.place)),
    });
    return { button, blank: empty(), number: h("span", {}), mark: h("i", {}), shown: null };
  }

  update(): void {
    const { store } = this;
    const here = store.frame?.place ?? 0;
    const shown = new Set<string>();
    for (const [k, thumb] of this.thumbs.entries()) {
      const { button } = thumb;
      const place = here - BEFORE + k;
      const frame = store.at(place);
      const exists = place >= 0 && place < store.status.total;
      button.style.visibility = exists ? "visible" : "hidden";
      if (!exists) {
        thumb.shown = null;
        continue;
      }
      set(button, "data-place", String(place));
      set(button, "aria-label", `Frame ${place + 1}`);
      set(button, "aria-current", String(place === here));
      say(thumb.number, String(place + 1));
      say(thumb.mark, WORDS[frame?.state ?? "new"] ?? "");
      set(button, "data-state", frame?.state ?? "");
      const id = frame?.frame_id ?? "";
      shown.add(id);
      const picture = this.picture(id) ?? thumb.blank;
      if (picture === thumb.shown) continue;
      thumb.shown = picture;
      // a canvas can be in one place only: this takes it from where it was
      button.replaceChildren(picture, thumb.number, thumb.mark);
    }
    for (const id of this.pictures.keys()) if (!shown.has(id)) this.pictures.delete(id);
    this.paintLine();
  }

  private picture(frameId: string): HTMLCanvasElement | null {
    const known = this.pictures.get(frameId);
    if (known) return known;
    const bitmap = this.store.bitmaps.get(frameId);
    if (!bitmap) return null;
    const canvas = empty();
    const scale = Math.max(WIDTH / bitmap.width, HEIGHT / bitmap.height);
    const [w, hgt] = [bitmap.width * scale, bitmap.height * scale];
    canvas.getContext("2d")!.drawImage(bitmap, (WIDTH - w) / 2, (HEIGHT - hgt) / 2, w, hgt);
    this.pictures.set(frameId, canvas);
    return canvas;
  }

  /** One rectangle per run of equal states: queues are long, and their states come in runs. */
  private paintLine(): void {
    const { status, frame } = this.store;
    const canvas = this.line;
    const width = canvas.clientWidth * (window.devicePixelRatio || 1);
    if (!width || !status.total) return;
    const styles = getComputedStyle(canvas);
    const color = (name: string) => styles.getPropertyValue(name).trim();
    const [ground, ink] = [color("--lk-line"), color("--lk-ink")];
    const place = frame?.place ?? 0;
    const key = [width, status.total, place, ground, ink, status.states].join(" ");
    if (key === this.lined) return;
    this.lined = key;
    canvas.width = width;
    canvas.height = 8;
    const ctx = canvas.getContext("2d")!;
    const step = width / status.total;
    ctx.fillStyle = ground;
    ctx.fillRect(0, 2, width, 6);
    for (const { 0: run, index } of status.states.matchAll(/(.)\1*/g)) {
      const name = COLORS[run[0]];
      if (!name) continue;
      ctx.fillStyle = color(name);
      if (step > 4)
        for (let k = index; k < index + run.length; k++) ctx.fillRect(k * step, 2, step - 1, 6);
      else ctx.fillRect(index * step, 2, Math.max(1, run.length * step), 6);
    }
    ctx.fillStyle = ink;
    ctx.fillRect(place * step, 0, Math.max(3, step), 2);
  }
}

interface Thumb {
  button: HTMLButtonElement;
  blank: HTMLCanvasElement;
  number: HTMLElement;
  mark: HTMLElement;
  shown: HTMLCanvasElement | null;
}

const empty = (): HTMLCanvasElement => h("canvas", { width: WIDTH, height: HEIGHT });

function set(element: HTMLElement, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
