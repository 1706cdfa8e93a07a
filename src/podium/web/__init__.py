"""HTTP without a server: requests in, responses out."""
