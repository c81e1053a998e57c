"""Train the small YOLO of the embedded world, on 'day' only: seeded, resumable, one core.

python -m training.yolo [--out training-out/yolo] [--epochs 8] [--images 2000]

Run again, it continues after the last finished epoch; `log.jsonl` has a line for each. Ends by
writing yolo_nano.safetensors and .onnx into labkit/demo/weights; evaluate_yolo.py measures them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads would add in another order

import numpy as np
import torch
import yaml

from labkit.demo import DAY, LABELS
from labkit.demo.embedded import WEIGHTS, note_sum
from labkit.demo.files import stills
from labkit.models.detectors.ultralytics.safetensors import save_yolo, yolo_plan
from labkit.models.ultralytics import ultralytics

TRAIN_SEED, VAL_SEED = 1_001, 1_002
"""Sets of stills; the sets of two seeds share no scene. Evaluation takes others again."""

IMGSZ = 320
PLAN, WIDTH, DEPTH = "yolo11", 0.125, 0.5
"""Half as wide as YOLO11n, which has 0.25 and 0.5."""

NAME = "yolo_nano"


def write_set(folder: Path, n: int, seed: int) -> None:
    """Write ``n`` day stills and their boxes in YOLO's format; a finished set stays."""
    from PIL import Image

    done = folder / "done"
    if done.exists() and done.read_text() == f"{n} {seed}":
        return
    for sub in ("images", "labels"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    for k, scene in enumerate(stills(n, DAY, seed)):
        height, width = scene.image.shape[:2]
        Image.fromarray(scene.image).save(folder / "images" / f"{k:05d}.jpg", quality=95)
        lines = []
        for item in scene.objects:
            x1, y1, x2, y2 = item.shape.box
            box = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height)
            box += ((x2 - x1) / width, (y2 - y1) / height)
            lines.append(f"{LABELS.index(item.label)} " + " ".join(f"{v:.6f}" for v in box))
        (folder / "labels" / f"{k:05d}.txt").write_text("\n".join(lines) + "\n")
    done.write_text(f"{n} {seed}")


class Log:
    """One line of JSON an epoch; CPU seconds count on over interruptions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.before = json.loads(lines[-1])["cpu_s"] if lines else 0.0
        self.start = time.process_time()

    def __call__(self, trainer: Any) -> None:
        """Told by Ultralytics after each epoch, and once more about the last one."""
        if trainer.epoch >= trainer.epochs:
            return
        row = {
            "epoch": trainer.epoch + 1,
            "cpu_s": round(self.before + time.process_time() - self.start, 1),
            "lr": round(trainer.optimizer.param_groups[0]["lr"], 6),
            "loss": {k: float(v) for k, v in trainer.label_loss_items(trainer.tloss).items()},
            "map50": round(float(trainer.metrics.get("metrics/mAP50(B)", float("nan"))), 4),
        }
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)


def _listen(model: Any, out: Path) -> None:
    """Log each epoch; lay out the weights so that convolutions on processors are fastest."""
    model.add_callback("on_fit_epoch_end", Log(out / "log.jsonl"))
    model.add_callback(
        "on_train_start", lambda trainer: trainer.model.to(memory_format=torch.channels_last)
    )


def train(out: Path, epochs: int, images: int) -> Path:
    """Train, or continue training; returns the last checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    for name, n, seed in (("train", images, TRAIN_SEED), ("val", 100, VAL_SEED)):
        write_set(out / name, n, seed)
    print(f"stills: {time.process_time() - start:.0f} s of CPU", flush=True)
    data = {"path": str(out.resolve()), "train": "train/images", "val": "val/images"}
    (out / "data.yaml").write_text(yaml.safe_dump(data | {"names": dict(enumerate(LABELS))}))
    plan = yolo_plan(PLAN, WIDTH, DEPTH, len(LABELS))
    (out / "yolo-nano.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    last = out / "run" / "weights" / "last.pt"
    yolo = ultralytics().YOLO
    torch.set_num_threads(1)
    if last.exists():
        if finished(out, epochs):
            print("training is finished")
            return last
        model = yolo(last)
        _listen(model, out)
        model.train(resume=True)
        return last
    model = yolo(out / "yolo-nano.yaml", task="detect")
    _listen(model, out)
    model.train(
        data=str(out / "data.yaml"),
        project=str(out.resolve()),
        name="run",
        exist_ok=True,
        device="cpu",
        workers=0,
        amp=False,
        pretrained=False,
        seed=0,
        deterministic=True,
        plots=False,
        epochs=epochs,
        imgsz=IMGSZ,
        batch=16,
        nbs=16,  # step after every batch: few epochs need many steps
        optimizer="AdamW",
        lr0=0.003,
        lrf=0.02,
        cos_lr=True,
        warmup_epochs=0.5,
        weight_decay=0.02,
        mosaic=0.4,
        close_mosaic=max(1, epochs // 4),
        scale=0.25,
        translate=0.08,
        flipud=0.5,
        fliplr=0.5,
        hsv_h=0.01,
        hsv_s=0.4,
        hsv_v=0.25,
        erasing=0.0,
    )
    return last


def export(last: Path, folder: Path = WEIGHTS) -> None:
    """Write the weights as safetensors and ONNX (fixed size), both in half, with their sums."""
    folder.mkdir(parents=True, exist_ok=True)
    model = ultralytics().YOLO(last)
    save_yolo(folder / f"{NAME}.safetensors", model.model.float(), PLAN, WIDTH, DEPTH, imgsz=IMGSZ)
    exported = Path(model.export(format="onnx", imgsz=IMGSZ, dynamic=False, simplify=False))
    shutil.move(exported, folder / f"{NAME}.onnx")
    describe(folder / f"{NAME}.onnx")
    halve(folder / f"{NAME}.onnx")
    for suffix in ("safetensors", "onnx"):
        path = folder / f"{NAME}.{suffix}"
        note_sum(path)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def describe(path: Path) -> None:
    """Say in an ONNX file what it is, and not where and when it was made."""
    import onnx

    model = onnx.load(path)
    for entry in model.metadata_props:
        if entry.key == "description":
            entry.value = "Small YOLO of labkit's drawn world (day)"
    kept = [e for e in model.metadata_props if e.key != "date"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, path)


def halve(path: Path, least: int = 1024) -> None:
    """Store an ONNX file's larger tensors in half precision; it computes in float32 as before.

    A ``Cast`` follows each of them. ONNX Runtime folds it into the weights when it opens the file.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < least:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def finished(out: Path, epochs: int) -> bool:
    """Whether the log tells of the last epoch, and Ultralytics has stripped the checkpoint."""
    rows = [json.loads(x) for x in (out / "log.jsonl").read_text().splitlines()]
    return bool(rows) and rows[-1]["epoch"] >= epochs


def main() -> None:
    """Train and export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("training-out/yolo"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--images", type=int, default=2000)
    args = parser.parse_args()
    export(train(args.out, args.epochs, args.images))


if __name__ == "__main__":
    main()
