// A frame and its objects on a canvas. labkit/widgets/painter.py paints the same below: where one
// changes, the other has to, or the picture jumps when the glass lets go.

import { rings } from "./hit";
import type { AnnotatedObject, Config, Keypoint, Limb, State } from "./messages";
import { limbsOf } from "./skeleton";
import type { Frame } from "./types";
import type { View } from "./view";

type Context = CanvasRenderingContext2D;

export const FONT = "600 11px system-ui, sans-serif";
const STATES: State[] = ["rejected", "proposed", "accepted", "edited", "added"];

export function paintFrame(ctx: Context, picture: ImageBitmap | null, frame: Frame, view: View) {
  if (!picture) return;
  ctx.imageSmoothingEnabled = view.k < 3;
  ctx.drawImage(picture, view.tx, view.ty, frame.width * view.k, frame.height * view.k);
}

/** The outline of an object as a path in stage pixels. */
export function trace(ctx: Context, obj: AnnotatedObject, view: View): void {
  ctx.beginPath();
  const outlines = rings(obj);
  for (const ring of outlines) {
    ring.forEach((p, k) => {
      const q = view.toStage(p);
      if (k) ctx.lineTo(q.x, q.y);
      else ctx.moveTo(q.x, q.y);
    });
    ctx.closePath();
  }
  if (!outlines.length) {
    const [x1, y1, x2, y2] = obj.shape.box;
    const a = view.toStage({ x: x1, y: y1 });
    ctx.rect(a.x, a.y, (x2 - x1) * view.k, (y2 - y1) * view.k);
  }
}

export function paintObjects(
  ctx: Context,
  objects: AnnotatedObject[],
  view: View,
  config: Config,
): void {
  ctx.lineJoin = "round";
  for (const o of objects) {
    if (o.state === "rejected" || !rings(o).length || o.shape.rotated) continue;
    ctx.globalAlpha = 0.2;
    ctx.fillStyle = config.looks[o.state].color;
    trace(ctx, o, view);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
  ctx.strokeStyle = "rgba(0, 0, 0, 0.55)";
  for (const o of objects) {
    ctx.lineWidth = config.looks[o.state].double ? 5.5 : 4;
    trace(ctx, o, view);
    ctx.stroke();
  }
  for (const state of STATES) {
    const look = config.looks[state];
    for (const o of objects) {
      if (o.state !== state) continue;
      ctx.strokeStyle = look.color;
      ctx.lineWidth = look.double ? 4.5 : 2;
      ctx.setLineDash(look.dash);
      trace(ctx, o, view);
      ctx.stroke();
      ctx.setLineDash([]);
      if (look.double) {
        ctx.strokeStyle = "#1b1f24";
        ctx.lineWidth = 1.5;
        ctx.stroke();
      }
      if (state === "rejected") cross(ctx, o, view, look.color);
      const keypoints = o.shape.keypoints ?? [];
      const limbs = limbsOf(config, o.label, keypoints.length);
      paintPoints(ctx, keypoints, view, look.color, limbs);
    }
  }
  tags(ctx, objects, view, config);
}

function cross(ctx: Context, o: AnnotatedObject, view: View, color: string): void {
  const [x1, y1, x2, y2] = o.shape.box;
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  for (const [a, b] of [
    [
      [x1, y1],
      [x2, y2],
    ],
    [
      [x2, y1],
      [x1, y2],
    ],
  ]) {
    const p = view.toStage({ x: a[0], y: a[1] });
    const q = view.toStage({ x: b[0], y: b[1] });
    ctx.moveTo(p.x, p.y);
    ctx.lineTo(q.x, q.y);
  }
  ctx.stroke();
}

export function paintPoints(
  ctx: Context,
  keypoints: Keypoint[],
  view: View,
  color: string,
  limbs: Limb[],
): void {
  const at = keypoints.map(([x, y]) => view.toStage({ x, y }));
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5;
  for (const [a, b] of limbs) {
    if (keypoints[a][2] <= 0 || keypoints[b][2] <= 0) continue;
    ctx.beginPath();
    ctx.moveTo(at[a].x, at[a].y);
    ctx.lineTo(at[b].x, at[b].y);
    ctx.stroke();
  }
  keypoints.forEach(([, , v], k) => {
    if (v <= 0) return;
    ctx.beginPath();
    ctx.arc(at[k].x, at[k].y, 4, 0, 2 * Math.PI);
    ctx.fillStyle = v >= 0.5 ? color : "#ffffff";
    ctx.fill();
    ctx.strokeStyle = "#1b1f24";
    ctx.lineWidth = 1;
    ctx.stroke();
  });
}

export function caption(o: AnnotatedObject): string {
  const track = o.track === null ? "" : ` #${o.track}`;
  const by = o.followed_by ? ` \u25b8 ${o.followed_by}` : "";
  return `${o.label}${track}${o.score === null ? "" : ` ${o.score.toFixed(2)}`}${by}`;
}

function tags(ctx: Context, objects: AnnotatedObject[], view: View, config: Config): void {
  ctx.font = FONT;
  ctx.textBaseline = "alphabetic";
  ctx.lineWidth = 3;
  ctx.strokeStyle = "rgba(0, 0, 0, 0.85)";
  const many = objects.length > config.many;
  for (const o of objects) {
    const [x1, y1, x2] = o.shape.box;
    if (many && (x2 - x1) * view.k < 40) continue;
    const p = view.toStage({ x: x1, y: y1 });
    const x = p.x + 1;
    const y = p.y < 16 ? p.y + 14 : p.y - 5;
    const look = config.looks[o.state];
    ctx.strokeText(look.mark, x, y);
    ctx.fillStyle = look.color;
    ctx.fillText(look.mark, x, y);
    const text = caption(o);
    ctx.strokeText(text, x + 14, y);
    ctx.fillStyle = "#ffffff";
    ctx.fillText(text, x + 14, y);
  }
}
