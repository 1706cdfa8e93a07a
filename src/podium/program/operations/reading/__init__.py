"""From the cells of the table to numbers: categories, hashes, dates and times."""
