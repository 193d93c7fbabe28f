"""Searches over table-backed problems: the problems, the strategies that are compared, and the comparison."""
