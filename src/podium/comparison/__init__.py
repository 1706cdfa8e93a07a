"""Comparison: which of two versions of a model is better, on records whose truth is known."""
