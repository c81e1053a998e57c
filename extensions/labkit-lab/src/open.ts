// From a folder, files or a project to a notebook that is open.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Dialog, showDialog, showErrorMessage } from "@jupyterlab/apputils";
import type { Contents } from "@jupyterlab/services";
import type { ISettingRegistry } from "@jupyterlab/settingregistry";

import { type Answers, Form, type Questions } from "./form";
import { free, isOutside, join, split, stem } from "./paths";
import { defaults } from "./settings";
import { DEMO, notebook, projectCells, reviewCells } from "./templates";

const PROJECT = "project.toml";

export class Opener {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly settings: ISettingRegistry | null,
  ) {}

  /** Ask for a folder of frames and weights. */
  async askFolder(cwd: string): Promise<void> {
    await this.guarded(async () => {
      const answers = await this.ask("Review a folder of frames", cwd, {});
      if (answers) await this.folder(answers, cwd);
    });
  }

  /** Ask for a project's folder. */
  async askProject(cwd: string): Promise<void> {
    await this.guarded(async () => {
      const answers = await this.ask("Open project", cwd, { weights: null });
      if (!answers) return;
      if (isOutside(answers.folder)) return this.project(answers.folder, cwd);
      const { names } = await this.look(answers.folder);
      if (!names.has(PROJECT)) throw new Error(`There is no project in '${answers.folder}'`);
      await this.known(answers.folder);
    });
  }

  /** Review what was chosen in the file browser; all of it is in one folder. */
  async chosen(items: Contents.IModel[]): Promise<void> {
    await this.guarded(async () => {
      const [folder] = split(items[0].path);
      if (items.length === 1 && items[0].type === "directory") {
        const { names } = await this.look(items[0].path);
        if (names.has(PROJECT)) return this.known(items[0].path);
      }
      const what = items.map((item) => item.name);
      const shown = what.length === 1 ? what[0] : `${what.length} of ${folder || "this folder"}`;
      const answers = await this.ask("Review with labkit", folder, { folder: shown, fixed: true });
      const name = what.length === 1 ? stem(what[0]) : split(folder)[1] || "frames";
      if (answers) await this.frames(folder, what, name, answers);
    });
  }

  // ---- what to do with it

  private async folder(answers: Answers, cwd: string): Promise<void> {
    if (isOutside(answers.folder)) {
      const name = split(answers.folder.replace(/\\/g, "/"))[1] || "frames";
      return this.frames(cwd, [answers.folder], name, answers);
    }
    const path = answers.folder.replace(/^\.?\/+|\/+$/g, "").replace(/^\.$/, "");
    const { names } = await this.look(path);
    if (names.has(PROJECT)) return this.known(path);
    const [parent, name] = split(path);
    if (!name) return this.frames("", ["."], "frames", answers);
    await this.frames(parent, [name], name, answers);
  }

  private async frames(cwd: string, what: string[], name: string, answers: Answers): Promise<void> {
    const source = {
      what,
      project: `${name}-review`,
      weights: await this.weights(answers.weights, cwd),
      trust: answers.trust,
    };
    const cells = reviewCells(source, await defaults(this.settings));
    await this.write(cwd, `review-${name}`, cells);
  }

  private async known(path: string): Promise<void> {
    const [parent, name] = split(path);
    await this.project(name || ".", parent);
  }

  private async project(path: string, cwd: string): Promise<void> {
    const name = split(path.replace(/\\/g, "/"))[1].replace(/^\.$/, "") || "project";
    await this.write(cwd, `review-${name}`, projectCells(path, await defaults(this.settings)));
  }

  /** As the notebook reaches the file: weights that lie in the contents are named from their root. */
  private async weights(given: string, cwd: string): Promise<string> {
    if (!given) throw new Error("No weights were named");
    if (given === DEMO || isOutside(given) || !given.includes("/")) return given;
    const [folder, name] = split(given);
    const found = await this.look(folder).catch(() => null);
    if (!found?.names.has(name)) return given;
    const up = cwd ? cwd.split("/").map(() => "..") : [];
    return [...up, ...folder.split("/"), name].filter(Boolean).join("/");
  }

  private async write(folder: string, name: string, cells: string[]): Promise<void> {
    const { contents, kernelspecs } = this.app.serviceManager;
    await kernelspecs.ready;
    const { names } = await this.look(folder);
    const path = join(folder, free(name, ".ipynb", names));
    const content = notebook(cells, kernelspecs.specs?.default ?? "");
    await contents.save(path, { type: "notebook", format: "json", content });
    await this.app.commands.execute("docmanager:open", { path, factory: "Notebook" });
  }

  // ---- asking and looking

  private async ask(
    title: string,
    cwd: string,
    given: Partial<Questions>,
  ): Promise<Answers | null> {
    const chosen = await defaults(this.settings);
    const { folders } = await this.look(cwd).catch(() => ({ folders: [] as string[] }));
    const asked: Questions = {
      folder: cwd,
      weights: chosen.weights,
      folders: folders.map((name) => join(cwd, name)),
      models: [...new Set([chosen.weights, "yolo11n.pt", "yolo11n-seg.pt", DEMO])],
      fixed: false,
      ...given,
    };
    const body = new Form(asked);
    const buttons = [Dialog.cancelButton(), Dialog.okButton({ label: "Open a notebook" })];
    const focusNodeSelector = asked.fixed ? "input[name=weights]" : "input[name=folder]";
    const result = await showDialog({ title, body, buttons, focusNodeSelector });
    return result.button.accept ? result.value : null;
  }

  private async look(path: string): Promise<{ names: Set<string>; folders: string[] }> {
    const model = await this.app.serviceManager.contents.get(path, {
      content: true,
      type: "directory",
    });
    const items = (model.content ?? []) as Contents.IModel[];
    return {
      names: new Set(items.map((item) => item.name)),
      folders: items.filter((item) => item.type === "directory").map((item) => item.name),
    };
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      await showErrorMessage("labkit could not open this", message);
    }
  }
}
