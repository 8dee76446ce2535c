"""What training starts from: a model with layers that are known here, and what stands in the way.

Shared by what measures one step and what trains.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import vig_models
from reproductions.catalog import TrainingMemoryParams
from reproductions.catalog_runs import TrainingParams
from reproductions.contract import NotMeasurableError
from reproductions.model_names import supplier_of
from reproductions.models import build_model
from vig_models import ModelError
from vig_models.classifier import Classifier


def model_for(reproduction: str, params: TrainingParams) -> Classifier:
    """Build the classifier in training mode, with weights drawn from torch's random numbers.

    Raises:
        NotMeasurableError: it is no variant of ``vig_models``, or has no such setting.
    """
    settings = _settings(params)
    if settings and supplier_of(params.model) == "vig_models":
        try:
            return vig_models.create_model(
                params.model,
                num_classes=params.num_classes,
                implementation=params.implementation,
                **settings,
            )
        except ModelError as error:
            raise NotMeasurableError(f"{reproduction}: {error}; leave the setting out") from error
    model = build_model(
        params.model,
        num_classes=params.num_classes,
        image_size=params.image_size,
        implementation=params.implementation,
    )
    if not isinstance(model, Classifier):
        raise NotMeasurableError(
            f"{reproduction}: want a variant of vig_models, got {params.model!r}; the layers of "
            "other models are not known here"
        )
    return model.train()


@contextmanager
def obstacles(reproduction: str, params: TrainingParams) -> Iterator[None]:
    """Turn what a model says of images and batches that it does not take into an obstacle.

    Raises:
        NotMeasurableError: the model does not take the images, or a micro-batch is one image.
    """
    try:
        yield
    except ModelError as error:
        side = params.image_size
        raise NotMeasurableError(
            f"{reproduction}: {params.model!r} does not run on {side} x {side} images ({error}); "
            "ask for a size that it takes"
        ) from error
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise NotMeasurableError(
            f"{reproduction}: want micro-batches of two images or more, got one: a BatchNorm on "
            "1 x 1 maps has no variance over a single image; ask for fewer micro-batches"
        ) from error


def _settings(params: TrainingParams) -> dict[str, int]:
    if not isinstance(params, TrainingMemoryParams):
        return {}
    asked = {"grid": params.grid, "partitions": params.partitions}
    return {name: value for name, value in asked.items() if value is not None}
