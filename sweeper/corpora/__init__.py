"""Corpora: text from many sources, split, deduplicated, tokenised once and packed into a content-addressed cache."""
