"""The benchmark of servers: Podium and its peers, on one core each, under the same load."""
