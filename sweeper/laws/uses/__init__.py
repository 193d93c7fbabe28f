"""Decisions from fitted laws, and when not to trust them."""
