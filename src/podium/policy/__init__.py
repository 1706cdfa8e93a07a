"""Authentication, quotas, and which requests are accepted at all."""
