// The bar over the stage while objects are pointed at: which model, polygon or mask, keep, drop.

import { h, say } from "./dom";
import type { Hand } from "./hand";

const MOST = 60;

export class PointBar {
  readonly element: HTMLElement;
  private readonly names = h("select", { "aria-label": "Model that segments" });
  private readonly slider = h("input", {
    type: "range",
    min: 0,
    max: MOST,
    step: 1,
    value: 0,
    "aria-label": "Points of the polygon, 0 for a mask",
  });
  private readonly form = h("output", { class: "lk-number" });
  private readonly state = h("span", { class: "lk-pointstate", role: "status" });
  private readonly keep: HTMLElement;

  constructor(
    private readonly hand: Hand,
    run: (action: string, tool: string) => void,
  ) {
    const { pointing } = hand;
    const button = (text: string, action: string) =>
      h("button", { class: "lk-button", type: "button", click: () => run(action, "mouse") }, text);
    this.keep = button("Keep (Enter)", "keep");
    this.names.addEventListener("change", () => pointing.open(this.names.value));
    this.slider.addEventListener("input", () => {
      pointing.vertices = Number(this.slider.value) < 3 ? 0 : Number(this.slider.value);
      this.update();
    });
    this.slider.addEventListener("change", () => pointing.busy && pointing.ask());
    this.element = h(
      "div",
      { class: "lk-pointbar", hidden: true, role: "toolbar", "aria-label": "Segment by clicks" },
      this.names,
      this.slider,
      this.form,
      this.keep,
      button("Drop (Esc)", "back"),
      this.state,
    );
    // the stage below takes every pointer that reaches it
    for (const kind of ["pointerdown", "pointerup", "pointermove", "wheel"])
      this.element.addEventListener(kind, (e) => e.stopPropagation());
  }

  update(): void {
    const { pointing, tool } = this.hand;
    this.element.hidden = tool !== "segment";
    if (this.element.hidden) return;
    const info = pointing.info;
    const names = info?.names ?? [];
    if (this.names.options.length !== names.length)
      this.names.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    if (info && document.activeElement !== this.names) this.names.value = info.name;
    say(this.form, pointing.vertices ? `${pointing.vertices} points` : "mask");
    this.keep.toggleAttribute("disabled", !pointing.made);
    const score = pointing.made && pointing.answer!.score;
    const words =
      !info || info.state === "opening"
        ? "Opening the model …"
        : info.state === "failed"
          ? info.text
          : pointing.waiting
            ? "Looking …"
            : score
              ? `quality ${score.toFixed(2)}`
              : info.text;
    say(this.state, words);
    this.state.title = info?.text ?? "";
  }
}
