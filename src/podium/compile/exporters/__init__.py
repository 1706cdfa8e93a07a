"""Exporters of fitted estimators: one module for each family, found by `podium.compile.registry`."""
