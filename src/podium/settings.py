"""Settings: podium.toml, then PODIUM_* variables, then flags; later ones win."""

from __future__ import annotations

import os
import re
import tomllib
import types
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from podium.account_settings import Accounts
from podium.alert_settings import Alerts
from podium.errors import SetupError
from podium.gates import Gates
from podium.model_settings import Batch, Feedback, FixedAliases
from podium.recipes import Retraining

FILE_NAME = "podium.toml"
PREFIX = "PODIUM_"
# The limits of ordinary requests, and of bulk requests.
_TIERS = (("body_max_bytes", "bulk_body_max_bytes"), ("rows_max", "bulk_rows_max"))
# In the form that browsers send: lower case, without the scheme's default port.
_ORIGIN = re.compile(
    r"(?!http://.*:80\Z)(?!https://.*:443\Z)https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The behaviour of a Podium: one frozen value, created once at start.

    Attributes:
        models: bundles, folders of bundles, model files or `module:function`.
        host: the address to listen on; any but a loopback one needs `accounts` or `open`.
        port: the TCP port to listen on.
        grpc_port: the TCP port for gRPC; None: it isn't served.
        home: the folder for records; created with mode 0700.
        registry: the folder with the versions of models and which of them answer, for servers that
            share it; `home` if empty.
        open: whether to serve other machines, too, without accounts.
        allowed_hosts: host names that requests may use, besides `localhost`, `host` and that in
            `accounts.url`.
        allowed_origins: other sites whose pages may call the API, such as `https://shop.example`.
        allow_credentials: whether they may send cookies, too.
        records: whether to record every prediction.
        store: the address of the records' store; a SQLite file in `home` if empty.
        trust: SHA-256 digests of pickles that may be loaded.
        title: the name of the site, at the top of its pages.
        back_url: where the pages link back to, if they are part of a larger site.
        logout_url: where the host's users log out.
        welcome: links at the top of the home page: the words of each, by its path on this site.
        body_max_bytes: the longest request body.
        rows_max: the most rows in one request.
        bulk_body_max_bytes: the longest body of a bulk request. Everybody may send one while only
            this machine reaches the server and there are no accounts; otherwise callers with a
            token.
        bulk_rows_max: the most rows in a bulk request.
        version_bytes_max: the longest bundle that may be uploaded; 0 turns uploads off.
        job_bytes_max: the longest file that may be scored as a job; 0 turns jobs off.
        job_memory_mb: how much memory a job may allocate.
        jobs_bytes_max: how much disk the files and results of all jobs may take.
        jobs_keep_days: how long they are kept.
        jobs_running_max: how many jobs run at the same time; the others wait.
        errors_max: the most invalid cells listed in one response.
        workers: the number of worker processes; each loads every model.
        durability: what a recorded prediction survives: the end of the process (`normal`), also a
            power failure (`full`), or nothing (`off`).
        outbox_rows_max: the most records that may wait for the store.
        outbox_full: what happens beyond that: `refuse` predictions, or `drop` the oldest records.
        keep_days: how long records are kept; 0 keeps them for ever.
        monitoring: whether to count the values of recorded rows, to tell drift.
        monitoring_days: how long these counts are kept; 0 keeps them for ever.
        queue_rows_max: the most rows that wait for one model; more are refused at once.
        deadline_s: how long a prediction may take.
        metrics_also: serving systems under whose names `/metrics` has its numbers, too.
        traces_share: of the predictions that OpenTelemetry traces: 0 to 1; with 0, none are.
        hang_s: the time without a heartbeat after which a worker is killed and replaced; 0 is
            never.
        drain_s: how long a server that was asked to stop goes on answering, while `/readyz` sends
            new requests elsewhere.
        tls_cert: a PEM file with the server's certificate; enables HTTPS.
        tls_key: a PEM file with its private key.
        access_log: whether to log every request.
        quota_token: how many predictions a minute the tokens of one user may request; 0 is any
            number.
        quota_user: the same for a user who is logged in.
        quota_address: the same for anonymous callers at one address or IPv6 network.
        quota_explanations: how many answers a minute a user, or an address, may have explained; 0
            is any number.
        quota_store: a Redis through which servers on several machines count together.
        sockets_max: the most WebSockets that a process has open, of pages that show monitoring.
        sockets_user_max: the most of one user, or of one address or IPv6 network.
        protocols: the APIs of other serving systems whose clients are answered: `v2`, the Open
            Inference Protocol of Triton, KServe and MLServer; `kserve`, the first protocol of KServe;
            `mlflow`, that of MLflow's scoring server; `sagemaker`, that of its endpoints.
        invocations_model: the model that answers at `/invocations`, which names none; by default the only one that
            is served.
        v2_server_name: what the Open Inference Protocol says that the server is called.
        batch: how requests are combined into calls, by the name of the model.
        feedback: how true outcomes find records, by the name of the model.
        gates: what a version must have shown before it is promoted, by the name of the model.
        retrain: how and when models are retrained, by their names.
        versions: which versions answer, by the name of the model, where nobody else may change it.
        accounts: users log in, and have permissions.
        alerts: which windows are looked at for alarms, and where these are sent.
    """

    models: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    grpc_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] | None = None
    home: str = "podium-home"
    registry: str = ""
    open: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    allow_credentials: bool = False
    records: bool = True
    store: str = ""
    trust: tuple[str, ...] = ()
    title: str = "Podium"
    back_url: str = ""
    logout_url: str = ""
    welcome: dict[Annotated[str, msgspec.Meta(pattern=r"^/(?!/)")], str] = {}
    body_max_bytes: int = 2**20
    rows_max: int = 1_000
    bulk_body_max_bytes: int = 2**25
    bulk_rows_max: int = 100_000
    version_bytes_max: Annotated[int, msgspec.Meta(ge=0)] = 2**29
    job_bytes_max: Annotated[int, msgspec.Meta(ge=0)] = 2**31
    job_memory_mb: Annotated[int, msgspec.Meta(ge=256)] = 4_096
    jobs_bytes_max: Annotated[int, msgspec.Meta(ge=0)] = 10 * 2**30
    jobs_keep_days: Annotated[int, msgspec.Meta(ge=1)] = 7
    jobs_running_max: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    errors_max: int = 100
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    durability: Literal["normal", "full", "off"] = "normal"
    outbox_rows_max: Annotated[int, msgspec.Meta(ge=1)] = 1_000_000
    outbox_full: Literal["refuse", "drop"] = "refuse"
    keep_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    monitoring: bool = True
    monitoring_days: Annotated[int, msgspec.Meta(ge=0)] = 730
    queue_rows_max: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    deadline_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    metrics_also: tuple[Literal["triton", "kserve"], ...] = ()
    traces_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    hang_s: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    drain_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0
    tls_cert: str = ""
    tls_key: str = ""
    access_log: bool = False
    quota_token: Annotated[int, msgspec.Meta(ge=0)] = 0
    quota_user: Annotated[int, msgspec.Meta(ge=0)] = 0
    quota_address: Annotated[int, msgspec.Meta(ge=0)] = 0
    quota_explanations: Annotated[int, msgspec.Meta(ge=0)] = 60
    quota_store: str = ""
    sockets_max: Annotated[int, msgspec.Meta(ge=0)] = 500
    sockets_user_max: Annotated[int, msgspec.Meta(ge=0)] = 50
    protocols: tuple[Literal["v2", "kserve", "mlflow", "sagemaker"], ...] = (
        *("v2", "kserve", "mlflow", "sagemaker"),
    )
    invocations_model: str = ""
    v2_server_name: str = "podium"
    batch: dict[str, Batch] = {}
    gates: dict[str, Gates] = {}
    feedback: dict[str, Feedback] = {}
    versions: dict[str, FixedAliases] = {}
    retrain: dict[str, Retraining] = {}
    accounts: Accounts = Accounts()
    alerts: Alerts = Alerts()

    @property
    def registry_folder(self) -> Path:
        """The folder with the versions of models."""
        return Path(self.registry or self.home)


def check_switches(settings: Settings, *, has_people: bool, is_local: bool) -> None:
    """Refuse settings without effect, because the feature they belong to isn't enabled.

    Args:
        has_people: whether the host identifies actors.
        is_local: whether only this machine can reach the server.

    Raises:
        SetupError: there is one, and the feature isn't explicitly disabled.
    """
    accounts = settings.accounts
    # Without accounts, proxies are needed for quotas.
    unused = [name for name in changed_accounts(settings) if name != "proxies"]
    if accounts.enabled is None and unused:
        raise SetupError(
            f"[accounts] sets {', '.join(unused)}, but accounts aren't turned on",
            hint="add enabled = true to [accounts], or start with podium serve --accounts; "
            "enabled = false leaves them off",
        )
    quotas = [name for name in ("quota_token", "quota_user") if getattr(settings, name)]
    if quotas and not (has_people or accounts.enabled):
        raise SetupError(
            f"{quotas[0]} limits logged-in users, but there are no accounts",
            hint="turn accounts on with --accounts, or use quota_address, which needs none",
        )
    limits = (settings.quota_token, settings.quota_user, settings.quota_address)
    if settings.quota_store and not (any(limits) or settings.quota_explanations):
        raise SetupError(
            "quota_store is where requests are counted, but no quota limits them",
            hint="set quota_address, or leave quota_store out",
        )
    if (settings.alerts.webhook or settings.alerts.email_to) and not (
        settings.records and settings.monitoring
    ):
        raise SetupError(
            "[alerts] says where alerts are sent, but nothing is counted, so there are none",
            hint="leave it out, or set records = true and monitoring = true",
        )
    usual = Settings()
    unused_bulk = [
        bulk
        for own, bulk in _TIERS
        if getattr(settings, bulk) not in (getattr(usual, bulk), getattr(settings, own))
    ]
    if unused_bulk and not (has_people or accounts.enabled or is_local):
        raise SetupError(
            f"{unused_bulk[0]} is for callers with a token, or on this machine, and there are none",
            hint=f"turn accounts on with --accounts; {unused_bulk[0].removeprefix('bulk_')} is for everybody",
        )


def check_models(settings: Settings, models: Collection[str]) -> None:
    """Refuse a setting for a model that doesn't exist, such as a table `[batch.MODEL]`.

    Raises:
        SetupError: there is one.
    """
    if settings.invocations_model not in ("", *models):
        raise SetupError(
            f"invocations_model is {settings.invocations_model!r}, which isn't served",
            hint=f"served: {', '.join(sorted(models))}",
        )
    for table in ("batch", "feedback", "gates", "retrain", "versions"):
        for name in sorted(getattr(settings, table).keys() - set(models)):
            raise SetupError(
                f"[{table}.{name}] is for a model that isn't served",
                hint=f"served: {', '.join(sorted(models))}",
            )


def batch_options(batch: Batch | None) -> dict[str, Any]:
    """The values that a table `[batch.MODEL]` sets, by name."""
    values = {} if batch is None else msgspec.structs.asdict(batch)
    return {name: value for name, value in values.items() if value is not None}


def changed_accounts(settings: Settings) -> list[str]:
    """The values in `[accounts]` that differ from their defaults."""
    table, usual = settings.accounts, Accounts(enabled=False)
    names = [one.name for one in msgspec.structs.fields(Accounts)]
    return [one for one in names if (getattr(table, one) or "") != (getattr(usual, one) or "")]


def read_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of this start.

    Args:
        flags: values of the command line or the caller; None values don't count.
        file: a TOML file; by default `podium.toml` in the current folder, if there is one.
        environment: `os.environ` by default.

    Raises:
        SetupError: a setting is unknown or invalid, or the file can't be read.
    """
    environment = os.environ if environment is None else environment
    values = _of_file(file)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for more in (_of_environment(environment), given):
        values = _merged(values, more)
    return _checked(values, "the settings")


def _merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Later values replace earlier ones; tables are merged. `accounts = true` is one."""
    merged = {**values, **more}
    alerts = [one["alerts"] for one in (values, more) if isinstance(one.get("alerts"), Mapping)]
    if len(alerts) > 1:
        merged["alerts"] = {**alerts[0], **alerts[1]}
    said = [one["accounts"] for one in (values, more) if "accounts" in one]
    if said and not isinstance(said[-1], Accounts):
        merged["accounts"] = {}
        for one in said:
            merged["accounts"] |= {"enabled": one} if isinstance(one, bool) else one
    return merged


def _of_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE_NAME)
    if file is None and not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} isn't valid TOML: {error}") from error
    _checked(values, str(path))
    return values


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        name = PREFIX + field.name.upper()
        wanted = bool if field.type is Accounts else field.type
        if name in environment and field.type is not Alerts:
            values[field.name] = _from_text(name, environment[name], wanted)
    for key, table in (("accounts", Accounts), ("alerts", Alerts)):
        found = {}
        for field in msgspec.structs.fields(table):
            name = f"{PREFIX}{key.upper()}_{field.name.upper()}"
            if name in environment:
                found[field.name] = _from_text(name, environment[name], field.type)
        values = _merged(values, {key: found}) if found else values
    return values


def _from_text(name: str, text: str, wanted: Any) -> Any:
    """A variable's text in its setting's type: lists are separated by commas."""
    if get_origin(wanted) in (Union, types.UnionType):
        wanted = next(one for one in get_args(wanted) if one is not type(None))
    if get_origin(wanted) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if get_origin(wanted) is dict:
        return _from_json(name, text)
    if wanted is bool and text.lower() in ("yes", "on", "no", "off"):
        return text.lower() in ("yes", "on")
    try:
        return msgspec.convert(text, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise SetupError(f"{name}={text!r} can't be used: {error}") from error


def _from_json(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        message = f"{name}={text!r} isn't valid JSON: {error}"
        raise SetupError(message, hint="write a table as JSON") from error


def _checked(values: Mapping[str, Any], where: str) -> Settings:
    known = [field.name for field in msgspec.structs.fields(Settings)]
    for name in sorted(values.keys() - set(known)):
        raise SetupError(
            f"{where}: no setting is called {name!r}", hint=f"known: {', '.join(known)}"
        )
    if isinstance(values.get("accounts"), bool):
        values = {**values, "accounts": {"enabled": values["accounts"]}}
    try:
        settings = msgspec.convert(dict(values), Settings)
    except msgspec.ValidationError as error:
        raise SetupError(f"{where}: {error}") from error
    if not 0 <= settings.port <= 65535:
        raise SetupError(f"{where}: {settings.port} isn't a valid port", hint="use 0 to 65535")
    for origin in settings.allowed_origins:
        if not _ORIGIN.fullmatch(origin):
            raise SetupError(
                f"{where}: allowed_origins contains {origin!r}, which isn't an origin",
                hint="write each as https://shop.example: no path, no default port, no wildcard",
            )
    for name in ("body_max_bytes", "rows_max", "errors_max"):
        if getattr(settings, name) < 1:
            raise SetupError(f"{where}: {name} is below 1")
    return _with_tiers(settings, values, where)


def _with_tiers(settings: Settings, values: Mapping[str, Any], where: str) -> Settings:
    """The same settings, with limits for bulk requests at least as large as the ordinary ones."""
    raised = {
        bulk: getattr(settings, own)
        for own, bulk in _TIERS
        if getattr(settings, bulk) < getattr(settings, own)
    }
    for own, bulk in _TIERS:
        if bulk in raised and bulk in values:
            raise SetupError(
                f"{where}: {bulk} is below {own}", hint="leave it out, or set both to the same"
            )
    return msgspec.structs.replace(settings, **raised)
