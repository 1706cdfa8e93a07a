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
from podium.settings import Settings


class Alerting:
    """Alerts about some models.

    Args:
        deployments: the models, by name.
        looks: whether this process may look for alarms; others read what it found.

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
        *,
        looks: bool,
    ) -> None:
        home = Path(settings.home)
        self.file = AlertsFile(home / "alerts.db")
        watch_alerts(metrics, self.file, deployments)
        self._lookout: Lookout | None = None
        channels = channels_of(settings)
        if looks:
            self._lookout = Lookout(
                monitoring,
                deployments,
                self.file,
                home,
                windows=settings.alerts.windows,
                channels=channels,
            )

    def start(self) -> None:
        """Begin to look."""
        if self._lookout is not None:
            self._lookout.start()

    def close(self) -> None:
        """Stop looking."""
        if self._lookout is not None:
            self._lookout.close()
