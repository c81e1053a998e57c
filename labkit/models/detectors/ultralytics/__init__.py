"""Weights that Ultralytics made or exported: boxes, masks, keypoints, oriented boxes."""
