// Skeletons: the names of a label's keypoints and the limbs between them.

import type { Config, Limb, Skeleton } from "./messages";

/** The skeleton that the project gives to a label. */
export function skeletonOf(config: Config, label: string): Skeleton | null {
  return Object.hasOwn(config.skeletons, label) ? config.skeletons[label] : null;
}

/** The limbs to draw between so many keypoints; labkit/core/skeleton.py knows the same. */
export function limbsOf(config: Config, label: string, count: number): Limb[] {
  const own = skeletonOf(config, label);
  if (own?.names.length === count) return own.limbs;
  return count === 17 ? config.skeleton : count === 2 ? [[0, 1]] : [];
}
