"""Problems of a project's setup, for `manage.py check`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings as project
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections, router
from django.template import TemplateDoesNotExist
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from podium.access import ALL
from podium.errors import BundleError, PodiumError, SetupError, UntrustedModel
from podium.hosts.django import mongodb
from podium.hosts.django.conf import NAME, Options, read_options
from podium.sources import bundles_of

TAG = "podium"
# Caches that are separate in each process.
_OWN_CACHES = ("locmem.LocMemCache", "dummy.DummyCache")


def register_checks() -> None:
    """Register the checks."""
    checks.register(check_setup, TAG)
    checks.register(check_deployment, TAG, deploy=True)


def check_setup(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Errors that keep models from being served, and likely mistakes. Opens every bundle."""
    if not _is_selected(app_configs):
        return []
    try:
        options = read_options()
    except SetupError as error:
        return [Error(error.message, hint=error.hint, id="podium.E001")]
    names: list[str] = []
    return [
        *_models(options, names),
        *_template(options),
        *_middleware(options),
        *_addresses(),
        *_login(options),
        *_sizes(),
        *_public(options, names),
        *_keys(),
        *_confirmation(options),
    ]


def check_deployment(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Settings that a public project should not have: `manage.py check --deploy`."""
    if not _is_selected(app_configs):
        return []
    found: list[CheckMessage] = []
    if project.DEBUG:
        found.append(
            checks.Warning(
                "DEBUG is on: error pages show rows, settings and code",
                hint="set DEBUG = False where others can reach the project",
                id="podium.W001",
            )
        )
    cache = project.CACHES.get("default", {}).get("BACKEND", "")
    if cache.endswith(_OWN_CACHES):
        found.append(
            checks.Warning(
                f"each process has its own cache ({cache.rpartition('.')[2]}): "
                "limits are counted per process, and changes are seen late",
                hint="use one that all processes share: Redis, Memcached or the database",
                id="podium.W002",
            )
        )
    return [*found, *_home(), *_transactions()]


def _is_selected(app_configs: Sequence[AppConfig] | None) -> bool:
    if hasattr(project, "PODIUM_SETTINGS"):
        return False  # the project is our own server's, which has settings of its own
    return app_configs is None or any(one.label == "podium" for one in app_configs)


def _models(options: Options, names: list[str]) -> Iterator[CheckMessage]:
    """Opens the models, and adds their names to `names`."""
    if not options.sources:
        yield Error(
            f"{NAME} has no model",
            hint=f'write {NAME} = {{"models": {{"churn": BASE_DIR / "churn.podium"}}}}',
            id="podium.E002",
        )
    for place, source in enumerate(options.sources):
        said = options.names[place] if options.names else ""
        try:
            opened = bundles_of([source], Path(options.settings.home), options.settings.trust)
            for bundle in opened:
                bundle.check_trust()
        except PodiumError as error:
            yield _not_opened(said or str(source), error)
            continue
        names += [bundle.name for bundle in opened]
        if said and said != opened[0].name:
            yield Error(
                f"{NAME} has a model {said!r} that was packed as {opened[0].name!r}",
                hint=f"call it {opened[0].name!r}, or pack it again with name={said!r}",
                id="podium.E006",
            )


def _not_opened(name: str, error: PodiumError) -> CheckMessage:
    kinds: list[tuple[type[PodiumError], str]] = [
        (UntrustedModel, "podium.E005"),
        (BundleError, "podium.E004"),
    ]
    number = next((number for kind, number in kinds if isinstance(error, kind)), "podium.E003")
    return Error(
        f"the model {name!r} can't be served: {error.message}", hint=error.hint or None, id=number
    )


def _template(options: Options) -> Iterator[CheckMessage]:
    from django.template import engines

    if not options.base_template:
        return
    try:
        engines["django"].get_template(options.base_template)
    except (TemplateDoesNotExist, KeyError):
        yield Error(
            f'{NAME}["base_template"] is {options.base_template!r}, which is not a Django template',
            hint="give a template name, as in `{% extends %}`",
            id="podium.E007",
        )


def _middleware(options: Options) -> Iterator[CheckMessage]:
    used = [one for one in map(import_string, project.MIDDLEWARE) if isinstance(one, type)]
    for wanted in (SessionMiddleware, AuthenticationMiddleware):
        if ALL not in options.public and not any(issubclass(one, wanted) for one in used):
            yield checks.Warning(
                f"{wanted.__name__} is missing: only public models can be used",
                hint=f"add {wanted.__module__}.{wanted.__name__} to MIDDLEWARE",
                id="podium.W003",
            )


def _addresses() -> Iterator[CheckMessage]:
    try:
        reverse("podium:home")
    except NoReverseMatch:
        yield checks.Warning(
            "no URL leads to Podium",
            hint='add path("ml/", include("podium.hosts.django.urls")) to urlpatterns',
            id="podium.W004",
        )


def _login(options: Options) -> Iterator[CheckMessage]:
    from podium.hosts.django.authority import login_address

    if ALL not in options.public and login_address() is None:
        yield checks.Warning(
            f"LOGIN_URL is {str(project.LOGIN_URL)!r}, which doesn't exist in this project: nobody "
            "can log in to use a model",
            hint='set LOGIN_URL to the name of your login page, or add path("accounts/", '
            'include("django.contrib.auth.urls")) to urlpatterns',
            id="podium.W008",
        )


def _sizes() -> Iterator[CheckMessage]:
    most = project.DATA_UPLOAD_MAX_MEMORY_SIZE
    for name in ("body_max_bytes", "bulk_body_max_bytes"):
        wanted = getattr(project, NAME, {}).get(name, 0)
        if most is not None and wanted > most:
            yield checks.Warning(
                f'{NAME}["{name}"] is {wanted}, but Django reads no more than {most} bytes',
                hint="raise DATA_UPLOAD_MAX_MEMORY_SIZE, too",
                id="podium.W005",
            )


def _public(options: Options, names: Sequence[str]) -> Iterator[CheckMessage]:
    for name in sorted(options.public - {ALL, *names}):
        yield checks.Warning(
            f'{NAME}["public"] has {name!r}, which is not a model',
            hint=f"known: {', '.join(names) or 'none'}",
            id="podium.W006",
        )


def _keys() -> Iterator[CheckMessage]:
    """Rows of MongoDB have ObjectIds, those of other databases numbers."""
    from podium.hosts.django.models import ApiToken, AuditEntry, ChangeStamp, ServedModel

    is_object_id = mongodb.has_object_ids()
    for table in (ApiToken, AuditEntry, ChangeStamp, ServedModel):
        using = router.db_for_write(table)
        if mongodb.is_mongodb(using) == is_object_id:
            continue
        yield Error(
            f"rows of {table.__name__} have {'ObjectIds' if is_object_id else 'numbers'} as keys, "
            f"which the database {using!r} can't generate",
            hint="set DEFAULT_AUTO_FIELD to the kind of key of the database that your routers send "
            f"Podium's tables to: in MongoDB {mongodb.AUTO_FIELD}",
            id="podium.E008",
        )
        return


def _confirmation(options: Options) -> Iterator[CheckMessage]:
    from podium.hosts.django.models import Prediction

    using = router.db_for_write(Prediction)
    if options.has_orm_store and mongodb.is_unconfirmed(using):
        yield Error(
            f"the database {using!r} is told to confirm no writes (w=0): records could be lost, and "
            "feedback can't be written",
            hint="remove w=0 from its address or its OPTIONS",
            id="podium.E009",
        )


def _home() -> Iterator[CheckMessage]:
    try:
        home = Path(read_options().settings.home).resolve()
    except SetupError:
        return  # reported by `check_setup`
    for name in ("STATIC_ROOT", "MEDIA_ROOT"):
        root = getattr(project, name, None)
        if root and home.is_relative_to(Path(root).resolve()):
            yield checks.Warning(
                f"the home folder {home} lies in {name}, whose files are public",
                hint=f'set {NAME}["home"] to a folder of the project\'s own',
                id="podium.W007",
            )


def _transactions() -> Iterator[CheckMessage]:
    """SQLite lets a transaction that has read write no more once another one has begun to.

    Podium's threads write between any two statements of the project, so that this isn't rare.
    """
    from podium.hosts.django.models import MonitoringCount, Prediction

    for using in sorted({router.db_for_write(table) for table in (MonitoringCount, Prediction)}):
        connection = connections[using]
        mode = connection.settings_dict.get("OPTIONS", {}).get("transaction_mode")
        if connection.vendor == "sqlite" and (mode or "DEFERRED").upper() == "DEFERRED":
            yield checks.Warning(
                f"transactions of the SQLite database {using!r} take its lock late: those that "
                'read first may fail with "database is locked"',
                hint='add "OPTIONS": {"transaction_mode": "IMMEDIATE"} to it in DATABASES',
                id="podium.W009",
            )
