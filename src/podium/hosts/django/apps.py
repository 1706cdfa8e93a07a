"""The Django app: light until a model is needed."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings as project
from django.utils.functional import cached_property

from podium.errors import PodiumError

if TYPE_CHECKING:
    from podium.hosts.django.host import Host

_log = logging.getLogger("podium")


class PodiumConfig(AppConfig):
    """Models of the project's setting `PODIUM`. Owns what lives as long as the process."""

    name = "podium.hosts.django"
    label = "podium"
    verbose_name = "Podium"

    @cached_property
    def default_auto_field(self) -> str:  # type: ignore[override] # a property in Django, too
        """Whole numbers, or the ObjectIds of a project in MongoDB."""
        usual = project.DEFAULT_AUTO_FIELD
        is_object_id = usual.endswith("ObjectIdAutoField")
        return usual if is_object_id else "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        super().__init__(app_name, app_module)
        self._lock = threading.Lock()
        self._host: Host | None = None

    def ready(self) -> None:
        """Register our checks and static files; watch changes of permissions and settings."""
        from django.core.signals import setting_changed
        from django.db.models.signals import post_migrate

        from podium.hosts.django import audit, changes
        from podium.hosts.django.assets import add_folder
        from podium.hosts.django.checks import register_checks

        add_folder()
        register_checks()
        changes.watch_changes()
        audit.watch()
        post_migrate.connect(self._make_permissions, sender=self, dispatch_uid="podium")
        setting_changed.connect(self._changed, dispatch_uid="podium")

    @property
    def host(self) -> Host:
        """The host of this process.

        Raises:
            SetupError: `PODIUM` is invalid.
        """
        from podium.hosts.django.conf import read_options
        from podium.hosts.django.host import Host

        with self._lock:
            if self._host is None:
                self._host = Host(read_options())
            return self._host

    def use(self, host: Host) -> None:
        """Use a host that was created elsewhere: our own server's, with its models."""
        with self._lock:
            self._host = host

    def close(self) -> None:
        """Release the host; the next request creates a new one."""
        with self._lock:
            host, self._host = self._host, None
        if host is not None:
            host.close()

    def _make_permissions(self, *, using: str, **_: Any) -> None:
        """Create the permissions for the project's models, once their tables exist."""
        from django.contrib.auth.models import Permission
        from django.db import router

        from podium.hosts.django.permissions import make_permissions

        if router.allow_migrate_model(using, Permission):
            make_permissions(self._model_names(), using)

    def _model_names(self) -> tuple[str, ...]:
        """The names of the project's models; those that can't be opened are added later."""
        try:
            host = self.host
            return host.options.names or tuple(host.opened.versions)
        except PodiumError as error:
            _log.warning("permissions_not_made: %s", error)
            return ()

    def _changed(self, *, setting: str, **_: Any) -> None:
        if setting == "PODIUM":
            self.close()
