"""What compiles: models as people have them, fitted on real data, packed, and counted."""
