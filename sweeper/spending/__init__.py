"""A budget while trials run: what they cost, what was spent, and who may still begin or go on."""
