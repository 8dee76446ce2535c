"""What training starts from: a model with layers that are known here, and what stands in the way.

Shared by what measures one step and what trains.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import vig_models
from reproductions.catalog import TrainingMemoryParams
from reproductions.catalog_runs import TrainingParams
from reproductions.checkpointing import CheckpointError
from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.model_names import supplier_of
from reproductions.models import build_model
from reproductions.placement import says_out_of_memory
from reproductions.untaken import refused_if_untaken
from vig_models import ModelError
from vig_models.classifier import Classifier


def model_for(reproduction: str, params: TrainingParams) -> Classifier:
    """Build the classifier in training mode, with weights drawn from torch's random numbers.

    Raises:
        ReproductionError: it is no variant of ``vig_models``, or has no such setting.
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
            raise ReproductionError(f"{reproduction}: {error}; leave the setting out") from error
    model = build_model(
        params.model,
        num_classes=params.num_classes,
        image_size=params.image_size,
        implementation=params.implementation,
    )
    if not isinstance(model, Classifier):
        raise ReproductionError(
            f"{reproduction}: want a variant of vig_models, got {params.model!r}; the layers of "
            "other models are not known here"
        )
    return model.train()


@contextmanager
def obstacles(reproduction: str, params: TrainingParams) -> Iterator[None]:
    """Say in a sentence what stands in the way of a step.

    Raises:
        NotMeasurableError: it needs more memory than there is.
        ReproductionError: the model does not take the images, a micro-batch is one image, or
            there are no such parts to run again.
    """
    try:
        with refused_if_untaken(reproduction, params):
            yield
    except CheckpointError as error:
        raise ReproductionError(f"{reproduction}: {params.model!r}: {error}") from error
    except RuntimeError as error:
        if not says_out_of_memory(error):
            raise
        side = params.image_size
        raise NotMeasurableError(
            f"{reproduction}: wants memory for a step of {params.batch} images of {side} x {side} "
            "pixels, found too little; ask for a smaller batch or for more micro-batches, or run "
            "where there is more"
        ) from error


def _settings(params: TrainingParams) -> dict[str, int]:
    if not isinstance(params, TrainingMemoryParams):
        return {}
    asked = {"grid": params.grid, "partitions": params.partitions}
    return {name: value for name, value in asked.items() if value is not None}
