"""Average precision of a detector on a backbone: what would have to be there to measure it.

Protocol: Mask R-CNN with an FPN on the backbone, trained on COCO 2017 for the epochs that params
say from weights of ImageNet-1k, evaluated on the 5,000 validation images at one scale. Box and
mask AP are of the detector's own weights, which follow from no classifier's. Nothing is trained
here, and no detector is written here: every measurement is blocked, and says so.
Cost: none. Source: the detection tables of the papers.
"""

from reproductions.artifacts import artifact
from reproductions.catalog import DetectionApParams
from reproductions.contract import Device, Measurement, NotMeasurableError, reproduction
from reproductions.model_names import supplier_of


@reproduction
def detection_ap(params: DetectionApParams, device: Device) -> Measurement:
    """Say what is missing to measure the detector on ``params.model``."""
    if supplier_of(params.model) == "vig_models":
        artifact(f"weights/{params.model}")  # whose authors published none at all say so
    raise NotMeasurableError(
        f"wants the weights of {params.detector} on {params.model}, trained on COCO 2017 for "
        f"{params.epochs} epochs, found none in the catalogue; those of the classifier decide "
        "nothing about it, and nothing is trained here"
    )
