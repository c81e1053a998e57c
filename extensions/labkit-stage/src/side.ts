// The column beside the stage: why this frame, from which score on, labels, objects.

import type { Actions } from "./actions";
import { keyOf } from "./bar";
import { h, say } from "./dom";
import type { Hand } from "./hand";
import type { AnnotatedObject } from "./messages";
import type { Stage } from "./stage";
import type { Store } from "./store";

const MOST_ROWS = 200;

export class Side {
  readonly element: HTMLElement;
  private readonly place = h("span", { class: "lk-place" });
  private readonly name = h("div", { class: "lk-name" });
  private readonly why = h("p", { class: "lk-why" });
  private readonly slider = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.01,
    "aria-label": "Show objects from this score on",
  });
  private readonly score = h("output", { class: "lk-number" });
  private readonly labels = h("div", { class: "lk-labels", role: "group", "aria-label": "Labels" });
  private readonly count = h("span", { class: "lk-number" });
  private readonly verdicts = h("div", {
    class: "lk-verdicts",
    role: "group",
    "aria-label": "Verdict on objects",
  });
  private readonly list = h("div", {
    class: "lk-objects",
    role: "listbox",
    "aria-label": "Objects",
    "aria-multiselectable": "true",
    tabindex: 0,
  });
  private readonly names = crypto.randomUUID();
  private rows = new Map<string, HTMLElement>();
  private drawn: AnnotatedObject[] = [];

  constructor(
    private readonly store: Store,
    private readonly stage: Stage,
    private readonly hand: Hand,
    private readonly actions: Actions,
  ) {
    this.verdicts.append(this.verdict("accept", "Accept"), this.verdict("reject", "Reject"));
    this.slider.addEventListener("input", () => actions.threshold(Number(this.slider.value)));
    this.element = h(
      "div",
      { class: "lk-side", role: "complementary", "aria-label": "Frame and objects" },
      h(
        "section",
        {},
        h("div", { class: "lk-head" }, h("h4", {}, "Frame"), this.place),
        this.name,
        this.why,
      ),
      h(
        "section",
        {},
        h("div", { class: "lk-head" }, h("h4", {}, "Shown from score"), this.score),
        this.slider,
      ),
      h("section", {}, h("h4", {}, "Labels"), this.labels),
      h(
        "section",
        { class: "lk-grow" },
        h("div", { class: "lk-head" }, h("h4", {}, "Objects"), this.count, this.verdicts),
        this.list,
      ),
    );
    this.fillLabels();
  }

  /** What can be said of the selected objects. */
  private verdict(action: string, text: string): HTMLElement {
    const key = keyOf(this.store, action);
    const name = `${text} the selected objects`;
    const run = () => {
      this.store.touched();
      this.actions.run(action, "mouse");
    };
    return h(
      "button",
      {
        class: "lk-button",
        type: "button",
        "aria-label": name,
        title: key ? `${name} (${key})` : name,
        "data-action": action,
        click: run,
      },
      text,
    );
  }

  fillLabels(): void {
    this.labels.replaceChildren(
      ...this.store.config.labels.map((label, k) =>
        h(
          "button",
          {
            class: "lk-label",
            type: "button",
            "data-label": label,
            title: label,
            click: () => {
              this.store.touched();
              this.actions.chooseLabel(label);
            },
          },
          ...(k < 10 ? [h("kbd", {}, String((k + 1) % 10))] : []),
          h("span", {}, label),
        ),
      ),
    );
  }

  update(): void {
    const { frame, status } = this.store;
    say(this.place, frame ? `${frame.place + 1} of ${status.total}` : "");
    say(this.name, frame?.name ?? "");
    this.name.title = frame?.name ?? "";
    say(this.why, frame?.why ?? "");
    say(this.score, status.threshold.toFixed(2));
    if (document.activeElement !== this.slider || Number(this.slider.value) !== status.threshold)
      this.slider.value = String(status.threshold);
    this.fillObjects();
    this.mark();
  }

  private fillObjects(): void {
    const objects = this.stage.visible;
    say(this.count, String(objects.length));
    const same =
      objects.length === this.drawn.length && objects.every((o, k) => o === this.drawn[k]);
    if (same) return;
    this.drawn = objects;
    this.rows = new Map(objects.slice(0, MOST_ROWS).map((o) => [o.id, this.row(o)]));
    const rest = objects.length - this.rows.size;
    this.list.replaceChildren(...this.rows.values());
    if (!objects.length)
      this.list.append(h("div", { class: "lk-none" }, "No object from this score on"));
    if (rest > 0) this.list.append(h("div", { class: "lk-none" }, `and ${rest} more on the frame`));
  }

  private row(o: AnnotatedObject): HTMLElement {
    const look = this.store.config.looks[o.state];
    const mark = h("span", { class: "lk-mark", "aria-hidden": "true" }, look.mark);
    mark.style.color = look.color;
    return h(
      "div",
      {
        class: `lk-row lk-is-${o.state}`,
        role: "option",
        "data-object": o.id,
        id: `${this.names}-${o.id}`,
        "aria-label": spoken(o, look.word),
        click: (event) => {
          this.store.touched();
          const { selected } = this.hand;
          const add = (event as MouseEvent).shiftKey || (event as MouseEvent).ctrlKey;
          this.hand.select(add ? [...selected.filter((id) => id !== o.id), o.id] : [o.id]);
        },
      },
      mark,
      h("span", { class: "lk-what" }, named(o)),
      h("span", { class: "lk-word" }, look.word),
      h("span", { class: "lk-number" }, o.score === null ? "" : o.score.toFixed(2)),
    );
  }

  /** Show the selection; nothing is built again. */
  mark(): void {
    const { selected } = this.hand;
    for (const [id, row] of this.rows) {
      const on = selected.includes(id);
      row.setAttribute("aria-selected", String(on));
      if (on && selected.length === 1) row.scrollIntoView({ block: "nearest" });
    }
    const last = this.rows.get(selected[selected.length - 1] ?? "");
    if (last) this.list.setAttribute("aria-activedescendant", last.id);
    else this.list.removeAttribute("aria-activedescendant");
    const picked = this.hand.picked;
    const label = picked.length && !this.hand.draws ? picked[0].label : this.hand.label;
    for (const button of this.labels.children)
      button.setAttribute("aria-pressed", String((button as HTMLElement).dataset.label === label));
  }
}

function named(o: AnnotatedObject): string {
  return `${o.label}${o.track === null ? "" : ` #${o.track}`}${o.followed_by ? ` \u25b8 ${o.followed_by}` : ""}`;
}

function spoken(o: AnnotatedObject, word: string): string {
  const score = o.score === null ? "" : `, score ${o.score.toFixed(2)}`;
  return `${o.label}, ${word}${score}${o.followed_by ? `, followed by ${o.followed_by}` : ""}`;
}
