// Launcher card, palette, context menu and shortcuts.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IDefaultFileBrowser, IFileBrowserFactory } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { ISettingRegistry } from "@jupyterlab/settingregistry";

import { enter, focused, press, VERBS } from "./glass";
import { icon } from "./icon";
import { Opener } from "./open";
import { isMedia } from "./paths";
import { PLUGIN } from "./settings";

const CATEGORY = "labkit";

export const commands: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: "Opens folders of frames and projects for review.",
  autoStart: true,
  optional: [
    ICommandPalette,
    ILauncher,
    IFileBrowserFactory,
    IDefaultFileBrowser,
    ISettingRegistry,
  ],
  activate,
};

function activate(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  browsers: IFileBrowserFactory | null,
  browser: IDefaultFileBrowser | null,
  settings: ISettingRegistry | null,
): void {
  const opener = new Opener(app, settings);
  // the launcher says where it stands; else the file browser's folder
  const folder = (args: { cwd?: unknown }) =>
    typeof args.cwd === "string" ? args.cwd : (browser?.model.path ?? "");
  const chosen = () => [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];

  app.commands.addCommand("labkit:review-folder", {
    label: "Review a folder of frames",
    caption: "Open a notebook that predicts on a folder of frames and reviews them",
    icon,
    execute: (args) => opener.askFolder(folder(args)),
  });
  app.commands.addCommand("labkit:open-project", {
    label: "Open project",
    caption: "Open a notebook on a labkit project",
    icon,
    execute: (args) => opener.askProject(folder(args)),
  });
  app.commands.addCommand("labkit:review-chosen", {
    label: "Review with labkit",
    icon,
    isVisible: () => {
      const items = chosen();
      return items.length > 0 && items.every((i) => i.type === "directory" || isMedia(i.name));
    },
    execute: () => opener.chosen(chosen()),
  });
  app.commands.addCommand("labkit:enter-bench", {
    label: "Go to the Bench of This Notebook",
    isEnabled: () => Boolean(app.shell.currentWidget?.node.querySelector(".lk-glass")),
    execute: () => enter(app.shell.currentWidget?.node),
  });
  for (const [id, [action, label]] of Object.entries(VERBS))
    app.commands.addCommand(id, {
      label,
      isEnabled: () => focused() !== null,
      execute: () => press(action),
    });

  for (const command of ["labkit:review-folder", "labkit:open-project", "labkit:enter-bench"])
    palette?.addItem({ command, category: CATEGORY });
  launcher?.add({ command: "labkit:review-folder", category: CATEGORY, rank: 1 });
  launcher?.add({ command: "labkit:open-project", category: CATEGORY, rank: 2 });
}
