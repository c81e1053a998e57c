// The item of the status bar: queue, running jobs, memory of cards.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker } from "@jupyterlab/notebook";
import { IStatusBar } from "@jupyterlab/statusbar";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";

import { Kernels } from "./kernels";
import type { Identity, JobStatus, KernelStatus } from "./messages";

export const status: JupyterFrontEndPlugin<void> = {
  id: "labkit-lab:status",
  description: "Shows what labkit does in the current notebook's kernel, and tells it who visits.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [IStatusBar],
  activate,
};

function activate(app: JupyterFrontEnd, notebooks: INotebookTracker, bar: IStatusBar | null): void {
  const { user } = app.serviceManager;
  const item = new Item();
  void user.ready
    .catch(() => undefined)
    .then(() => {
      const who = (): Identity | null => {
        const known = user.identity;
        return known && { username: known.username, name: known.display_name || known.name };
      };
      const kernels: Kernels = new Kernels(notebooks, who, () =>
        item.tell(kernels?.status ?? null),
      );
    });
  bar?.registerStatusItem("labkit-lab:status", {
    item,
    align: "left",
    rank: 20,
    isActive: () => item.active,
    activeStateChanged: item.changed,
  });
}

class Item extends Widget {
  active = false;
  readonly changed = new Signal<this, void>(this);

  constructor() {
    super();
    this.addClass("labkit-Status");
    this.addClass("jp-StatusBar-TextItem");
  }

  tell(status: KernelStatus | null): void {
    const text = status ? words(status) : "";
    this.node.textContent = text && `labkit: ${text}`;
    this.title.caption = status?.jobs.map(line).join("\n") ?? "";
    this.node.title = this.title.caption;
    if (this.active === Boolean(text)) return;
    this.active = Boolean(text);
    this.changed.emit();
  }
}

function words({ done, total, jobs, used, card }: KernelStatus): string {
  const parts = [];
  if (total) parts.push(`${done ?? 0} / ${total} frames`);
  if (jobs.length === 1) parts.push(line(jobs[0]));
  else if (jobs.length) parts.push(`${jobs.length} jobs`);
  if (card) parts.push(`VRAM ${gigabytes(used ?? 0)} of ${gigabytes(card)} GB`);
  return parts.join(" · ");
}

function line(job: JobStatus): string {
  return job.total ? `${job.name} ${Math.floor((100 * job.done) / job.total)} %` : job.name;
}

const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
