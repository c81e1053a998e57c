#!/usr/bin/env bash
# Train the small SAM2 of labkit/demo/weights. Started again, it continues where it was stopped.
#   training/run.sh [folder for data, checkpoints and logs]
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=${1:-training/work}
PY=${PY:-python}
export OMP_NUM_THREADS=1
mkdir -p "$WORK"
$PY -m training.sam2_data stills 8000 "$WORK/stills"
$PY -m training.sam2_data clips 160 "$WORK/clips"
$PY -u -m training.sam2_stills --side 384 --minutes 90 \
  --data "$WORK/stills" --out "$WORK/sam2-stills.pt" | tee -a "$WORK/sam2-stills.log"
$PY -u -m training.sam2_stills --init "$WORK/sam2-stills.pt" --rate 6e-4 --minutes 30 \
  --data "$WORK/stills" --out "$WORK/sam2-fine.pt" | tee -a "$WORK/sam2-fine.log"
$PY -u -m training.sam2_clips --init "$WORK/sam2-fine.pt" --minutes 30 \
  --data "$WORK/clips" --out "$WORK/sam2-clips.pt" | tee -a "$WORK/sam2-clips.log"
$PY -m training.export_sam2 "$WORK/sam2-clips.pt"
$PY -m training.evaluate_sam2
