"""Where things are: the checkout, and the folder that everything made by a run goes to."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"
WEB = Path(__file__).parent / "web"
CACHE = ROOT / "bench" / ".cache"
ENVIRONMENTS = CACHE / "environments"
MODELS = CACHE / "models"
BODIES = CACHE / "bodies"
LOGS = CACHE / "logs"
HOMES = CACHE / "homes"
RESULTS = CACHE / "results"
DOCS = ROOT / "docs"
