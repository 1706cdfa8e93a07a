"""The stores, one file for each kind of database."""
