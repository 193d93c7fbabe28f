"""Which mixture, method, learning rate and token budget to adapt a language model to a domain with."""
