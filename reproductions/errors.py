"""The one root of what this package refuses."""


class ReproductionError(Exception):
    """A reproduction was asked for something it cannot understand; one sentence."""


class NotMeasurableError(ReproductionError):
    """A known obstacle (a device, weights or a data set is missing); becomes ``blocked``."""
