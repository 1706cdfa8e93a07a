"""Recorded predictions: what a record is, and the stores that hold them."""
