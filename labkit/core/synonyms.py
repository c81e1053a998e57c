"""Names of one thing in COCO, Pascal VOC, Open Images and everyday speech."""

from __future__ import annotations

from typing import Final

__all__ = ["BROADER", "SYNONYMS"]

SYNONYMS: Final[tuple[tuple[str, ...], ...]] = (
    ("person", "people", "human", "human being", "pedestrian"),
    ("car", "auto", "automobile", "motorcar", "passenger car"),
    ("bicycle", "bike", "pedal cycle", "push bike"),
    ("motorcycle", "motorbike"),
    ("airplane", "aeroplane", "plane", "aircraft"),
    ("truck", "lorry"),
    ("bus", "coach", "autobus"),
    ("train", "railway train"),
    ("traffic light", "traffic signal", "stoplight", "stop light"),
    ("fire hydrant", "hydrant"),
    ("stop sign", "stopsign"),
    ("tv", "television", "tvmonitor", "tv monitor", "television set", "monitor"),
    ("laptop", "notebook computer", "laptop computer"),
    ("cell phone", "mobile phone", "cellphone", "mobile", "smartphone", "phone"),
    ("computer mouse", "mouse"),
    ("computer keyboard", "keyboard"),
    ("remote", "remote control"),
    ("couch", "sofa", "settee"),
    ("dining table", "diningtable", "dinner table"),
    ("potted plant", "pottedplant", "houseplant", "house plant"),
    ("refrigerator", "fridge"),
    ("microwave", "microwave oven"),
    ("hair drier", "hair dryer", "hairdryer"),
    ("cup", "mug"),
    ("wine glass", "wineglass"),
    ("donut", "doughnut"),
    ("handbag", "purse", "hand bag"),
    ("backpack", "rucksack", "knapsack"),
    ("suitcase", "luggage"),
    ("tie", "necktie"),
    ("sports ball", "ball"),
    ("frisbee", "flying disc"),
    ("skis", "ski"),
    ("cow", "cattle"),
    ("dog", "hound"),
    ("teddy bear", "teddy"),
    ("red blood cell", "rbc", "erythrocyte"),
    ("white blood cell", "wbc", "leukocyte", "leucocyte"),
    ("platelet", "thrombocyte"),
    ("license plate", "licence plate", "number plate", "vehicle registration plate"),
    ("van", "minivan"),
    ("boat", "ship"),
)
"""Each row names one thing."""

BROADER: Final[dict[str, tuple[str, ...]]] = {
    "vehicle": ("car", "truck", "bus", "motorcycle", "bicycle", "train", "van", "taxi", "tram"),
    "land vehicle": ("car", "truck", "bus", "motorcycle", "bicycle", "train", "van"),
    "motor vehicle": ("car", "truck", "bus", "motorcycle", "van"),
    "two wheeler": ("bicycle", "motorcycle", "scooter"),
    "person": ("man", "woman", "boy", "girl", "child", "rider", "cyclist"),
    "animal": (
        "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe",
    ),
    "mammal": ("cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    "furniture": ("chair", "couch", "bed", "dining table", "table", "bench"),
    "table": ("dining table", "desk"),
    "plant": ("potted plant", "tree", "flower"),
    "food": (
        "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut",
        "cake",
    ),
    "fruit": ("banana", "apple", "orange"),
    "bag": ("handbag", "backpack", "suitcase"),
    "tableware": ("wine glass", "cup", "fork", "knife", "spoon", "bowl", "plate"),
    "cutlery": ("fork", "knife", "spoon"),
    "watercraft": ("boat",),
    "blood cell": ("red blood cell", "white blood cell", "platelet"),
    "cell": ("red blood cell", "white blood cell", "platelet"),
    "sign": ("stop sign",),
    "traffic sign": ("stop sign",),
    "electronics": ("tv", "laptop", "cell phone", "computer keyboard", "computer mouse", "remote"),
    "toy": ("teddy bear", "kite", "frisbee"),
}  # fmt: skip
"""A wider word → the things it takes in; only used when a person says so."""
