"""The one exception of this package."""


class ModelError(Exception):
    """A model, its settings, its input or its checkpoint is not what was wanted."""
