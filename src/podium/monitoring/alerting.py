"""The alerts of an app: their file, what looks for alarms, and their metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from podium.deployments.deployment import Deployment
from podium.metrics.metrics import Metrics
from podium.monitoring.alerts_file import AlertsFile
from podium.monitoring.channels import channels_of
from podium.monitoring.lookout import Lookout
from podium.monitoring.monitoring import Monitoring
from podium.monitoring.numbers import watch_alerts
from podium.records.store import Store
from podium.settings import Settings


class Alerting:
    """Alerts about some models: every process with a home folder looks, but one at a time.

    Args:
        deployments: the models, by name.
        store: has their records.

    Attributes:
        file: has the alerts.

    Raises:
        SetupError: alerts can't be sent where the settings say.
    """

    def __init__(
        self,
        monitoring: Monitoring,
        deployments: Mapping[str, Deployment],
        metrics: Metrics,
        settings: Settings,
        store: Store | None = None,
    ) -> None:
        home = Path(settings.home)
        self.file = AlertsFile(home / "alerts.db")
        watch_alerts(metrics, self.file, deployments)
        self._lookout = Lookout(
            monitoring,
            deployments,
            self.file,
            home,
            windows=settings.alerts.windows,
            store=store,
            channels=channels_of(settings),
        )

    def start(self) -> None:
        """Begin to look."""
        self._lookout.start()

    def close(self) -> None:
        """Stop looking."""
        self._lookout.close()
