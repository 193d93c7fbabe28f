"""Base models: the built-in ladder and its tokeniser, folders and Hugging Face names, each with its fingerprint."""
