// Decoded pictures of the frames around the current one. What leaves the window is closed at once:
// a 1080p bitmap holds 8 MB outside of the garbage collector's sight.

import type { Frame, Model } from "./types";

export class Bitmaps {
  private readonly kept = new Map<string, { image: string; bitmap: ImageBitmap }>();
  private readonly loading = new Map<string, string>();

  constructor(
    private readonly model: Model,
    private readonly onReady: (frameId: string) => void,
  ) {}

  get(frameId: string): ImageBitmap | null {
    return this.kept.get(frameId)?.bitmap ?? null;
  }

  async want(frame: Frame): Promise<void> {
    const { frame_id: id, image } = frame;
    if (!image || this.kept.get(id)?.image === image || this.loading.get(id) === image) return;
    this.loading.set(id, image);
    try {
      const widget = await this.model.widget_manager.get_model(image);
      await widget.state_change; // the model may have carried another frame's picture before
      const bytes = widget.get("value") as DataView;
      const blob = new Blob([bytes as DataView<ArrayBuffer>], { type: `image/${String(widget.get("format"))}` });
      const bitmap = await createImageBitmap(blob);
      if (this.loading.get(id) !== image) bitmap.close();
      else {
        this.kept.get(id)?.bitmap.close();
        this.kept.set(id, { image, bitmap });
        this.onReady(id);
      }
    } catch (error) {
      console.warn("labkit: a picture could not be decoded", error);
    } finally {
      if (this.loading.get(id) === image) this.loading.delete(id);
    }
  }

  drop(frameId: string): void {
    this.kept.get(frameId)?.bitmap.close();
    this.kept.delete(frameId);
    this.loading.delete(frameId);
  }

  clear(): void {
    for (const id of [...this.kept.keys()]) this.drop(id);
    this.loading.clear();
  }

  get size(): number {
    return this.kept.size;
  }
}
