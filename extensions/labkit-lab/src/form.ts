// What is asked before a notebook is made.

import type { Dialog } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";

export interface Answers {
  folder: string;
  weights: string;
  trust: boolean;
}

export interface Questions {
  folder: string;
  /** Null where no weights are needed. */
  weights: string | null;
  /** Suggestions. */
  folders: string[];
  models: string[];
  /** What is reviewed has been chosen already. */
  fixed: boolean;
}

export class Form extends Widget implements Dialog.IBodyWidget<Answers> {
  private readonly folder: HTMLInputElement;
  private readonly weights: HTMLInputElement | null = null;
  private readonly trust: HTMLInputElement | null = null;

  constructor(asked: Questions) {
    super();
    this.addClass("labkit-Form");
    this.folder = this.text(
      "folder",
      asked.fixed ? "Frames" : "Folder",
      asked.folder,
      asked.folders,
    );
    this.folder.readOnly = asked.fixed;
    if (asked.weights === null) return;
    this.weights = this.text("weights", "Weights", asked.weights, asked.models);
    this.hint("A weights file, a name such as yolo11n.pt, or demo for labkit's small model");
    this.trust = this.check("trust", "Open a .pt file of another origin: it can run code");
  }

  getValue(): Answers {
    return {
      folder: this.folder.value.trim(),
      weights: this.weights?.value.trim() ?? "",
      trust: this.trust?.checked ?? false,
    };
  }

  private text(name: string, title: string, value: string, known: string[]): HTMLInputElement {
    const list = document.createElement("datalist");
    list.id = `labkit-${name}-known`;
    list.append(
      ...known.map((item) => {
        const option = document.createElement("option");
        option.value = item;
        return option;
      }),
    );
    const input = this.input(name, "text");
    input.classList.add("jp-mod-styled");
    input.value = value;
    input.spellcheck = false;
    input.setAttribute("list", list.id);
    const label = document.createElement("label");
    label.append(title, input);
    this.node.append(label, list);
    return input;
  }

  private check(name: string, title: string): HTMLInputElement {
    const input = this.input(name, "checkbox");
    const label = document.createElement("label");
    label.className = "labkit-Form-check";
    label.append(input, title);
    this.node.append(label);
    return input;
  }

  private input(name: string, type: string): HTMLInputElement {
    const input = document.createElement("input");
    input.type = type;
    input.name = name;
    return input;
  }

  private hint(text: string): void {
    const p = document.createElement("p");
    p.textContent = text;
    this.node.append(p);
  }
}
