"""A trained model as others use it: a Hugging Face folder with its card."""
