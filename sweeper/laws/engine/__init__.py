"""Fitting many laws at once: robust descent, resamples."""
