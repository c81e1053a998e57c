// Decoded pictures of the frames around the current one. What leaves the window is closed at once:
// a 1080p bitmap holds 8 MB outside of the garbage collector's sight.

import type { Frame, ImageModel, Model } from "./types";

/** A canvas may still be about to draw what has left the window. */
const REVOKE_MS = 15_000;

interface Kept {
  image: string;
  bitmap: ImageBitmap;
  url: string;
}

export class Bitmaps {
  private readonly kept = new Map<string, Kept>();
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
      const blob = bytesOf(widget);
      const bitmap = await createImageBitmap(blob);
      if (this.loading.get(id) !== image) bitmap.close();
      else {
        this.close(id);
        const url = URL.createObjectURL(blob);
        lend(widget, url);
        this.kept.set(id, { image, bitmap, url });
        this.onReady(id);
      }
    } catch (error) {
      console.warn("labkit: a picture could not be decoded", error);
    } finally {
      if (this.loading.get(id) === image) this.loading.delete(id);
    }
  }

  drop(frameId: string): void {
    this.close(frameId);
    this.kept.delete(frameId);
    this.loading.delete(frameId);
  }

  private close(frameId: string): void {
    const kept = this.kept.get(frameId);
    if (!kept) return;
    kept.bitmap.close();
    window.setTimeout(() => URL.revokeObjectURL(kept.url), REVOKE_MS);
  }

  clear(): void {
    for (const id of [...this.kept.keys()]) this.drop(id);
    this.loading.clear();
  }

  get size(): number {
    return this.kept.size;
  }
}

function bytesOf(widget: ImageModel): Blob {
  delete (widget as Partial<ImageModel>).get; // what was lent for its last picture
  const bytes = widget.get("value") as DataView<ArrayBuffer>;
  return new Blob([bytes], { type: `image/${String(widget.get("format"))}` });
}

/**
 * Let ipycanvas draw from an address that is taken back one day. From a picture's bytes it makes a
 * new one at each drawing and keeps it, with the bytes, until the page is closed.
 */
function lend(widget: ImageModel, url: string): void {
  const address = new DataView(Uint8Array.from(new TextEncoder().encode(url)).buffer);
  const lent: Record<string, unknown> = { format: "url", value: address };
  const { get } = widget;
  widget.get = (name) => (name in lent ? lent[name] : get.call(widget, name));
}
