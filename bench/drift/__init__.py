"""Drift of a table beside Evidently's: same rows, same machine, in turns."""
