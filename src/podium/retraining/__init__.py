"""Models trained further on records and their ground truth, in a process with limits."""
