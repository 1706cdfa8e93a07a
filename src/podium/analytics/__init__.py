"""Records in DuckDB and Parquet files, and questions to them in SQL."""
