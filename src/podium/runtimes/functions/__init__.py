"""Typed functions read as models: what annotations tell, rows to arguments, answers to outputs."""
