"""What a trial will hold and compute, found by going through it with tensors that have no numbers."""
