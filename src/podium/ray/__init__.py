"""Servers on the nodes of a Ray cluster: Ray places and supervises them, and no request passes it.

`fleet` starts them, `running` finds those that run. Nothing here is imported by another room but the
command line, and Ray itself only when a fleet is used.
"""

from podium.ray.fleets import Fleet, fleet, running
from podium.ray.state import ServerState

__all__ = ["Fleet", "ServerState", "fleet", "running"]
