"""Whether the documents say what the claims say they say. Pure functions over text; no models."""
