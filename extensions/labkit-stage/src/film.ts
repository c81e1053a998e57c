// The filmstrip: the frames around this one from the window, and the whole queue as one line.

import type { Actions } from "./actions";
import { h } from "./dom";
import type { Store } from "./store";

const BEFORE = 2;
const AFTER = 5;
const COLORS: Record<string, string> = {
  n: "", o: "--lk-proposed", a: "--lk-accepted", h: "--lk-rejected", s: "--lk-skipped",
};
const WORDS: Record<string, string> = { accepted: "✓", hand: "✎", skipped: "↷", open: "◐", new: "" };

export class Film {
  readonly element: HTMLElement;
  private readonly line = h("canvas", { class: "lk-line", "aria-hidden": "true" });
  private readonly thumbs: HTMLButtonElement[] = [];
  private readonly drawn: string[] = [];

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
      h("div", { class: "lk-thumbs" }, ...this.thumbs),
      this.line,
    );
  }

  private thumb(): HTMLButtonElement {
    const button = h("button", {
      class: "lk-thumb", type: "button", tabindex: -1,
      click: () => this.actions.goPlace(Number(button.dataset.place)),
    });
    button.append(h("canvas", { width: 144, height: 92 }), h("span", {}), h("i", {}));
    return button;
  }

  update(): void {
    const { store } = this;
    const here = store.frame?.place ?? 0;
    this.thumbs.forEach((button, k) => {
      const place = here - BEFORE + k;
      const frame = store.at(place);
      const exists = place >= 0 && place < store.status.total;
      button.style.visibility = exists ? "visible" : "hidden";
      if (!exists) return;
      button.dataset.place = String(place);
      button.setAttribute("aria-label", `Frame ${place + 1}`);
      button.setAttribute("aria-current", String(place === here));
      button.children[1].textContent = String(place + 1);
      button.children[2].textContent = WORDS[frame?.state ?? "new"] ?? "";
      button.dataset.state = frame?.state ?? "";
      this.picture(k, frame?.frame_id ?? "");
    });
    this.paintLine();
  }

  private picture(k: number, frameId: string): void {
    const bitmap = this.store.bitmaps.get(frameId);
    const key = bitmap ? frameId : "";
    if (this.drawn[k] === key) return;
    this.drawn[k] = key;
    const canvas = this.thumbs[k].children[0] as HTMLCanvasElement;
    const ctx = canvas.getContext("2d")!;
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    if (!bitmap) return;
    const scale = Math.max(canvas.width / bitmap.width, canvas.height / bitmap.height);
    const [w, hgt] = [bitmap.width * scale, bitmap.height * scale];
    ctx.drawImage(bitmap, (canvas.width - w) / 2, (canvas.height - hgt) / 2, w, hgt);
  }

  private paintLine(): void {
    const { status, frame } = this.store;
    const canvas = this.line;
    const width = canvas.clientWidth * (window.devicePixelRatio || 1);
    if (!width || !status.total) return;
    canvas.width = width;
    canvas.height = 8;
    const ctx = canvas.getContext("2d")!;
    const styles = getComputedStyle(canvas);
    const step = width / status.total;
    ctx.fillStyle = styles.getPropertyValue("--lk-line").trim();
    ctx.fillRect(0, 2, width, 6);
    [...status.states].forEach((letter, k) => {
      const name = COLORS[letter];
      if (!name) return;
      ctx.fillStyle = styles.getPropertyValue(name).trim();
      ctx.fillRect(k * step, 2, Math.max(1, step - (step > 4 ? 1 : 0)), 6);
    });
    ctx.fillStyle = styles.getPropertyValue("--lk-ink").trim();
    ctx.fillRect((frame?.place ?? 0) * step, 0, Math.max(3, step), 2);
  }
}
