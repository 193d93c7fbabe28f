"""Lanes: warm worker groups that trials run on, one after another, and what puts trials on them."""
