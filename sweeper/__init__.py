"""Which mixture, method, learning rate and token budget to adapt a language model to a domain with."""

__version__ = "0.1.0"
