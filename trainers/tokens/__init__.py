"""What a trial reads: the packed format of a corpus, the order of its blocks, and batches of windows on them."""
