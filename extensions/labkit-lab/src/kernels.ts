// What labkit says in the kernels of notebooks, and who is in front of this browser.

import type { ISessionContext } from "@jupyterlab/apputils";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { Kernel, KernelMessage } from "@jupyterlab/services";

import type { Identity, KernelStatus } from "./messages";

const MIME = "application/vnd.labkit.status+json";
const DISPLAY = "labkit-status";
const TARGET = "labkit:visitor";
const GONE = new Set(["restarting", "autorestarting", "terminating", "dead"]);

/** One kernel as this page sees it. */
class Link {
  status: KernelStatus | null = null;
  private known = false;

  constructor(
    readonly kernel: Kernel.IKernelConnection,
    private readonly who: () => Identity | null,
    private readonly changed: () => void,
  ) {
    kernel.anyMessage.connect(this.heard, this);
    kernel.statusChanged.connect(this.turned, this);
    void this.look();
  }

  dispose(): void {
    this.kernel.anyMessage.disconnect(this.heard, this);
    this.kernel.statusChanged.disconnect(this.turned, this);
  }

  /** A page that comes later finds the channel that an earlier one has opened. */
  private async look(): Promise<void> {
    try {
      const reply = await this.kernel.requestCommInfo({ target_name: TARGET });
      if (reply.content.status !== "ok") return;
      const [id] = Object.keys(reply.content.comms);
      if (id) this.introduce(id);
    } catch {
      // the kernel has gone meanwhile
    }
  }

  private heard(_: unknown, { msg, direction }: Kernel.IAnyMessageArgs): void {
    if (direction !== "recv" || msg.header.msg_type !== "update_display_data") return;
    const { content } = msg as KernelMessage.IUpdateDisplayDataMsg;
    if (content.transient?.display_id !== DISPLAY) return;
    this.status = (content.data[MIME] as unknown as KernelStatus | undefined) ?? null;
    this.introduce();
    this.changed();
  }

  private turned(_: unknown, status: string): void {
    if (!GONE.has(status)) return;
    this.known = false;
    this.status = null;
    this.changed();
  }

  private introduce(id?: string): void {
    const who = this.who();
    if (this.known || !who) return;
    this.known = true;
    try {
      const comm = this.kernel.createComm(TARGET, id);
      if (id) comm.send({ ...who });
      else comm.open({ ...who });
    } catch {
      // another connection of this page handles this kernel's channels
    }
  }
}

export class Kernels {
  private readonly links = new Map<NotebookPanel, Link>();

  constructor(
    private readonly notebooks: INotebookTracker,
    private readonly who: () => Identity | null,
    private readonly changed: () => void,
  ) {
    notebooks.forEach((panel) => {
      this.add(panel);
    });
    notebooks.widgetAdded.connect((_, panel) => this.add(panel));
    notebooks.currentChanged.connect(() => changed());
  }

  /** What the kernel of the current notebook says; null where it does not use labkit. */
  get status(): KernelStatus | null {
    const panel = this.notebooks.currentWidget;
    return (panel && this.links.get(panel)?.status) ?? null;
  }

  private add(panel: NotebookPanel): void {
    const { sessionContext } = panel;
    const link = (
      _: ISessionContext | null,
      now: { newValue: Kernel.IKernelConnection | null },
    ) => {
      this.links.get(panel)?.dispose();
      this.links.delete(panel);
      if (now.newValue) this.links.set(panel, new Link(now.newValue, this.who, this.changed));
      this.changed();
    };
    sessionContext.kernelChanged.connect(link);
    link(null, { newValue: sessionContext.session?.kernel ?? null });
    panel.disposed.connect(() => link(null, { newValue: null }));
  }
}
