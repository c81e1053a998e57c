// The stage: covers the canvas below with the same picture while something moves, and lets go when
// the canvas has caught up. How far it has is read from a pixel that the kernel paints last.

import { h } from "./dom";
import { Ink } from "./ink";
import type { AnnotatedObject, FromKernel } from "./messages";
import { paintFrame, paintObjects } from "./paint";
import type { Store } from "./store";
import type { Frame, Point } from "./types";
import { View } from "./view";
import { painted } from "./visibility";

const SETTLE_MS = 150;
const GIVE_UP_MS = 3000;

export interface Scene {
  /** Objects to leave out of the base because the live layer draws them. */
  lifted: Set<string>;
  live(ctx: CanvasRenderingContext2D): void;
}

export class Stage {
  readonly element: HTMLElement;
  readonly view = new View();
  readonly ink = new Ink(this.view);
  width = 0;
  height = 0;
  ratio = 1;
  painted = 0;
  private readonly base = h("canvas", { class: "lk-base" });
  private readonly live = h("canvas", { class: "lk-live" });
  private readonly empty = h("div", { class: "lk-empty", hidden: true });
  private stamp = 0;
  private settle = 0;
  private queued = 0;
  private shownFrame = "";
  private readonly stop: (() => void)[] = [];
  private unwatch: () => void = () => undefined;

  constructor(
    private readonly store: Store,
    private readonly name: string,
    private readonly scene: Scene,
  ) {
    this.element = h(
      "div",
      { class: "lk-stage", tabindex: 0, role: "application", "aria-label": "Frame under review" },
      this.base,
      this.live,
      this.empty,
    );
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(this.element);
    this.stop.push(() => observer.disconnect());
    this.watchRatio();
    this.stop.push(store.onShow((message) => this.onShow(message)));
  }

  destroy(): void {
    for (const stop of this.stop) stop();
    this.unwatch();
    window.clearTimeout(this.settle);
    cancelAnimationFrame(this.queued);
  }

  /** Another screen or another zoom of the page may change nothing but the pixel ratio. */
  private watchRatio(): void {
    const query = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    const changed = () => {
      this.unwatch();
      this.watchRatio();
      this.resize();
    };
    query.addEventListener("change", changed);
    this.unwatch = () => query.removeEventListener("change", changed);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    [this.width, this.height, this.ratio] = [width, height, ratio];
    for (const canvas of [this.base, this.live]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const surface = this.element.closest<HTMLElement>(".labkit-surface");
    surface?.style.setProperty("--lk-height", `${this.store.config.height}px`);
    // the canvas below lies under the stage, however many lines the bar has
    surface?.style.setProperty("--lk-top", `${this.element.offsetTop + 1}px`);
    surface?.style.setProperty("--lk-tall", `${height}px`);
    if (this.view.fitted) this.fit();
    this.paint();
  }

  fit(): void {
    const frame = this.store.frame;
    if (frame && this.width) this.view.fit(frame, this.width, this.height);
  }

  get visible(): AnnotatedObject[] {
    const frame = this.store.frame;
    return frame ? painted(frame.objects, this.store.status.threshold) : [];
  }

  // ---- painting

  /** Paint the current frame now, and ask for the same below when nothing moves any more. */
  paint(): void {
    const frame = this.store.frame;
    const picture = frame && this.store.bitmaps.get(frame.frame_id);
    if (!frame || !this.width) return;
    cancelAnimationFrame(this.queued);
    this.queued = 0;
    const ground = this.ground(); // before anything is written, or the page's style is computed again
    if (frame.frame_id !== this.shownFrame) {
      this.view.fit(frame, this.width, this.height);
      this.shownFrame = frame.frame_id;
      this.element.dataset.frame = frame.frame_id;
    }
    this.stamp++;
    const ctx = this.clear(this.base);
    ctx.fillStyle = ground || "#1f2329";
    ctx.fillRect(0, 0, this.width, this.height);
    paintFrame(ctx, picture, frame, this.view);
    const objects = this.visible.filter((o) => !this.scene.lifted.has(o.id));
    paintObjects(ctx, objects, this.view, this.store.config);
    for (const image of this.store.afterimages.get(frame.frame_id) ?? [])
      image.paint(ctx, this.view);
    this.base.hidden = false;
    this.element.dataset.cover = "on";
    this.paintLive();
    this.message(frame.error || (picture ? "" : "Loading the picture …"));
    if (picture && this.painted !== this.stamp) {
      this.painted = this.stamp;
      this.element.dataset.painted = frame.frame_id;
    }
    this.sharpen(frame, picture);
    window.clearTimeout(this.settle);
    if (!this.scene.lifted.size) this.settle = window.setTimeout(() => this.ask(), SETTLE_MS);
  }

  /** Ask for all pixels where the picture is a reduced one and is looked at closely. */
  private sharpen(frame: Frame, picture: ImageBitmap | null): void {
    if (!picture || picture.width >= frame.width) return;
    if (this.view.k * this.ratio * frame.width > picture.width * 1.1)
      this.store.want(frame.frame_id);
  }

  /** Paint on the next animation frame; many calls paint once. */
  soon(): void {
    if (this.queued) return;
    this.queued = requestAnimationFrame(() => {
      this.queued = 0;
      this.paint();
    });
  }

  private ground(): string {
    return getComputedStyle(this.element).getPropertyValue("--lk-ground").trim();
  }

  paintLive(): void {
    this.scene.live(this.clear(this.live));
  }

  private clear(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const ctx = canvas.getContext("2d")!;
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    return ctx;
  }

  private message(text: string): void {
    this.empty.hidden = !text;
    this.empty.textContent = text;
  }

  // ---- the canvas below

  private ask(): void {
    const frame = this.store.frame;
    if (!frame?.image || this.store.pending.size) {
      if (this.store.pending.size) this.settle = window.setTimeout(() => this.ask(), SETTLE_MS);
      return;
    }
    const { k, tx, ty } = this.view;
    this.store.send({
      type: "view",
      view: this.name,
      stamp: this.stamp,
      frame_id: frame.frame_id,
      k,
      tx,
      ty,
      width: this.width,
      height: this.height,
      ratio: this.ratio,
      ground: this.ground(),
    });
  }

  private onShow(message: FromKernel): void {
    if (message.type === "cover") this.cover();
    if (message.type !== "show" || message.view !== this.name) return;
    if (message.stamp === this.stamp) this.letGo(message.stamp, message.mark, performance.now());
  }

  /** Another view is about to repaint the canvas that both share. */
  private cover(): void {
    this.base.hidden = false;
    this.element.dataset.cover = "on";
  }

  private letGo(stamp: number, mark: number, since: number): void {
    if (stamp !== this.stamp || this.scene.lifted.size) return;
    if (this.below() === mark) {
      this.base.hidden = true;
      this.element.dataset.cover = "off";
    } else if (performance.now() - since < GIVE_UP_MS) {
      requestAnimationFrame(() => this.letGo(stamp, mark, since));
    }
  }

  private below(): number {
    const surface = this.element.closest(".labkit-surface");
    const canvas = surface?.querySelector<HTMLCanvasElement>(
      ".labkit-canvas canvas, canvas.labkit-canvas",
    );
    if (!canvas?.width) return -1;
    const pixel = canvas.getContext("2d")?.getImageData(0, 0, 1, 1).data;
    return pixel ? (pixel[0] << 16) | (pixel[1] << 8) | pixel[2] : -1;
  }

  pointOf(event: MouseEvent): Point {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
}
