"""Models of an older toy: a module of their own, so that a change here touches no other."""

COUNTS = {"toyold_l": {"all": 160.2, "trainable": 159.9, "convolutions": 150.0}}
