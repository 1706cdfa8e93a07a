"""Libraries that can't be installed beside the newest pandas, SciPy and scikit-learn."""
