"""Fitting many laws at once, and what the data say of their parameters: descent, resamples, posterior."""
