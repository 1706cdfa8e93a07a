"""Existing engines score rows with a bundle: Ray Data, Spark, Dask, Polars, DuckDB.

Each has a module of its own, which imports it when it is called. The modules bear the engines' names:
`import podium.engines.spark`, then `podium.engines.spark.score(df, bundle)`.
"""
