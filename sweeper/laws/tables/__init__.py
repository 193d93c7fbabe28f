"""Tables of measured losses: from anybody's columns to checked arrays."""
