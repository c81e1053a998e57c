// What the Settings editor says, with the schema's defaults where there are no settings.

import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export const PLUGIN = "labkit-lab:plugin";

export interface Defaults {
  keymap: string;
  reviewer: string;
  weights: string;
  conf: number;
}

const FALLBACK: Defaults = { keymap: "default", reviewer: "", weights: "yolo11n.pt", conf: 0.5 };

export async function defaults(registry: ISettingRegistry | null): Promise<Defaults> {
  try {
    const settings = await registry?.load(PLUGIN);
    return { ...FALLBACK, ...(settings?.composite as Partial<Defaults> | undefined) };
  } catch {
    return FALLBACK;
  }
}
