import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import io, PIL.Image
from labkit.models.ultralytics import ultralytics
ultralytics()
try:
    PIL.Image.open(io.BytesIO(b"no image"))
except PIL.UnidentifiedImageError:
    print("Pillow's own")
"""


def test_a_file_that_is_no_image_is_still_pillows_affair_after_loading_ultralytics():
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CODE]
    got = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert got.stdout.strip() == "Pillow's own"


def test_numpy_prints_arrays_as_before_after_loading_ultralytics():
    code = """
import numpy as np
before = np.get_printoptions(), repr(np.eye(2))
from labkit.models.ultralytics import ultralytics
ultralytics()
print((np.get_printoptions(), repr(np.eye(2))) == before)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    got = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert got.stdout.strip() == "True"
