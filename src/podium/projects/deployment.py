"""The configuration of a project's containers: variables, secrets, memory, disks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from podium.projects.choices import Choices

PASSWORD = "DATABASE_PASSWORD"  # noqa: S105 - its name
# The prefix from which Flask reads its own settings, by `app.config.from_prefixed_env()`.
_PREFIXES = MappingProxyType({"none": "", "flask": "FLASK_", "django": ""})
_SECRET_KEYS = MappingProxyType(
    {
        "none": "PODIUM_ACCOUNTS_SECRET_KEY",
        "flask": "FLASK_SECRET_KEY",
        "django": "DJANGO_SECRET_KEY",
    }
)
# Assumed unless set: cookies and redirects are for HTTPS only.
_HTTPS = MappingProxyType({"flask": "FLASK_HTTPS", "django": "DJANGO_HTTPS"})
_KEY_EXAMPLE = "50 characters that nobody can guess"
# What App Platform inserts for its own databases; drivers don't support all options of its MySQL's.
_MANAGED = MappingProxyType(
    {
        "postgresql": "${database.DATABASE_URL}",
        "mysql": "mysql://${database.USERNAME}:${database.PASSWORD}"
        "@${database.HOSTNAME}:${database.PORT}/${database.DATABASE}",
    }
)
# Of databases whose address has no port.
_PORTS_THERE: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"couchbase": (8091, 8093, 11210), "dynamodb": (443,)}
)
# Until every proxy of a cluster has noticed that a pod is to end. Then running requests may take 10 s,
# and what is left of the records as long again.
DRAIN_S, END_S = 10, 30
# Services of compose.servers.yaml.
SERVERS = ("one", "two", "three")
CPU_TARGET, QUEUE_TARGET = 700, 100
RAY_VERSION = "2.60.0"
_KEY_SIGNS = "signs cookies; at least 50 characters that nobody can guess"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a container's environment.

    Attributes:
        value: its text; "" if it comes from a secret.
        is_secret: whether it is in no file of the project.
        example: what a secret looks like.
    """

    name: str
    value: str = ""
    is_secret: bool = False
    example: str = ""


_STARTS = MappingProxyType(
    {
        "none": "podium serve",
        "flask": "flask run",
        "django": "python manage.py migrate && python manage.py createcachetable && "
        "python manage.py runserver",
    }
)
_PORTS_HERE = MappingProxyType({"none": 8000, "flask": 5000, "django": 8000})
_FIRST_PEOPLE = MappingProxyType(
    {
        "none": "The first start prints a link for the first administrator: it works once, for 15 "
        "minutes. In a container it is in the log.",
        "flask": "Create a user with `flask add-person ada`.",
        "django": "Create the first administrator with `python manage.py createsuperuser`.",
    }
)


class Deployment:
    """How a project with these choices is run: on one's own machine, and in containers."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    @property
    def commands(self) -> tuple[str, str]:
        """The commands that train and start it here."""
        train = "pip install -r requirements-dev.txt && python train.py"
        return train, _STARTS[self._choices.app]

    @property
    def image_command(self) -> str:
        """The command that builds the smallest image."""
        name = self._choices.name
        options = ["--accounts" if self._choices.has_people else "--open"]
        if self._choices.server:
            options.append(f"--extra {self._choices.database}")
        flags = " ".join(options)
        return f"podium image models/{name}.podium --config podium.toml {flags} -o {name}.oci.tar"

    @property
    def address(self) -> str:
        """Its URL then."""
        return f"http://{self.host}{self._choices.prefix}"

    @property
    def host(self) -> str:
        """Its host and port then."""
        return f"127.0.0.1:{_PORTS_HERE[self._choices.app]}"

    @property
    def first_person(self) -> str:
        """How the first user logs in; "" without accounts."""
        return _FIRST_PEOPLE[self._choices.app] if self._choices.has_people else ""

    @property
    def needs_disk(self) -> bool:
        """Whether data must outlive a container: accounts, records, or records to be shipped."""
        return self._choices.has_files or self._choices.server is not None

    @property
    def has_replicas(self) -> bool:
        """Whether several pods can serve it: not if each would have files of its own."""
        return not self._choices.has_files

    @property
    def has_servers(self) -> bool:
        """Whether compose.servers.yaml runs several of our own servers, with all they share."""
        server = self._choices.server
        is_alone = self._choices.app == "none" and self.has_replicas
        return is_alone and server is not None and server.is_service

    @property
    def servers(self) -> tuple[str, ...]:
        """Their names."""
        return SERVERS

    @property
    def drain_s(self) -> int:
        """How long a pod that is removed answers yet, until no more requests are sent to it."""
        return DRAIN_S

    @property
    def grace_s(self) -> int:
        """After how long such a pod may be killed: running requests and records need a while, too."""
        return DRAIN_S + END_S

    @property
    def cpu_target(self) -> int:
        """How much of its one core a pod uses when others are started, in thousandths."""
        return CPU_TARGET

    @property
    def queue_target(self) -> int:
        """How many rows wait in a pod when others are started."""
        return QUEUE_TARGET

    @property
    def fits_kserve(self) -> bool:
        """Whether KServe can run it: by our own server, behind its gateway's login."""
        return self._choices.app == "none" and not self._choices.has_people

    @property
    def fits_ray(self) -> bool:
        """Whether the nodes of a Ray cluster can run it: by our own server, with no files to keep."""
        return self.fits_kserve and self._choices.database != "sqlserver"

    @property
    def ray_version(self) -> str:
        """The Ray of those nodes, which was tested."""
        return RAY_VERSION

    @property
    def database_ports(self) -> tuple[int, ...]:
        """Where the pods connect to their database."""
        if self._choices.server is None:
            return ()
        port = urlsplit(self._address("PASSWORD", "HOST")).port
        return _PORTS_THERE.get(self._choices.database, ()) if port is None else (port,)

    @property
    def is_public(self) -> bool:
        """Whether it may be public: not if any visitor could read every record."""
        return self._choices.has_people or self._choices.app != "none"

    @property
    def migrates(self) -> bool:
        """Whether Django's tables must be created before it starts."""
        return self._choices.app == "django"

    @property
    def migrations(self) -> str:
        """The command that creates them."""
        return "python manage.py migrate --noinput && python manage.py createcachetable"

    @property
    def migrating_start(self) -> str:
        """The start command of a project that creates its tables by itself."""
        return f"{self.migrations} && exec gunicorn project.wsgi"

    @property
    def https(self) -> str | None:
        """The variable for an HTTPS proxy in front; None if it has none."""
        return _HTTPS.get(self._choices.app)

    @property
    def memory_mb(self) -> int:
        """The memory limit of a container: three times its need with a model of the usual size."""
        base = 512 if self._choices.app == "none" and not self._choices.has_people else 768
        return base if self._choices.is_small else base + 256

    @property
    def home(self) -> str:
        """The folder for records inside a container."""
        return "/data/podium" if self.needs_disk else "/tmp/podium"  # noqa: S108 - its own

    @property
    def home_variable(self) -> str:
        """The variable with the path of that folder."""
        return f"{_PREFIXES[self._choices.app]}PODIUM_HOME"

    @property
    def secret_key(self) -> str | None:
        """The variable with the key that signs cookies; None if nothing is signed."""
        if self._choices.has_people or self._choices.app == "django":
            return _SECRET_KEYS[self._choices.app]
        return None

    @property
    def secrets(self) -> dict[str, str]:
        """The variables that compose.yaml needs in `.env`, generated there, and their purposes."""
        needed = {}
        server = self._choices.server
        if server is not None and server.is_service and server.has_password:
            needed[PASSWORD] = "of the database, which this project's containers alone reach"
        # A single server of our own creates its key in its home folder.
        if self.secret_key is not None and (self._choices.app != "none" or self.has_servers):
            needed[self.secret_key] = _KEY_SIGNS
        return needed

    @property
    def own_secrets(self) -> dict[str, str]:
        """The variables that compose.yaml needs in `.env`, which only their owner has."""
        server = self._choices.server
        if server is None:
            return {}
        given = {}
        if not server.is_service and server.has_password:
            example = self._address("PASSWORD", "HOST")
            given = {one.name: f"the database's URL: {example}" for one in self._databases("")}
        return given | dict(server.own_secrets)

    def compose(self) -> list[Variable]:
        """Variables under Docker Compose, which inserts the values in `.env`."""
        needed = [*self.own_secrets]
        address = self._address(f"${{{PASSWORD}:?is in .env}}", "database")
        variables = [one for one in self._databases(address) if one.name not in needed]
        if self.secret_key is not None and self._choices.app != "none":
            needed.append(self.secret_key)
        variables += [Variable(name, f"${{{name}:?is in .env}}") for name in needed]
        if self.https is not None:
            variables.append(Variable(self.https, "${HTTPS:-true}"))
        if self._choices.has_people and self._choices.app == "none":
            # Inside the container only 0.0.0.0 is known, which no link should lead to.
            variables.append(Variable("PODIUM_ACCOUNTS_URL", "http://127.0.0.1:8000"))
        return variables

    def balanced(self) -> list[Variable]:
        """Variables of several servers under Docker Compose."""
        variables = self.compose()
        variables.append(Variable("PODIUM_REGISTRY", "/data/registry"))
        variables.append(Variable("PODIUM_DRAIN_S", str(DRAIN_S)))
        variables.append(Variable("PODIUM_ACCOUNTS_PROXIES", "1"))
        if self.secret_key is not None:
            variables.append(Variable(self.secret_key, f"${{{self.secret_key}:?is in .env}}"))
        return variables

    def kubernetes(self) -> list[Variable]:
        """Variables in a cluster, where a Secret contains the others."""
        variables = self._names(self._choices.name) + self._secret_databases()
        if self._choices.app == "none":
            variables.append(Variable("PODIUM_DRAIN_S", str(DRAIN_S)))
        # Pods must accept each other's cookies.
        if self.secret_key is not None and (self._choices.app != "none" or self.has_replicas):
            variables.append(Variable(self.secret_key, is_secret=True, example=_KEY_EXAMPLE))
        return variables

    def app_platform(self) -> list[Variable]:
        """Variables on App Platform, which inserts what it knows."""
        variables = self._names("${APP_DOMAIN}" if self.is_public else "web")
        if self._choices.has_people and self._choices.app == "none":
            variables.append(Variable("PODIUM_ACCOUNTS_URL", "${APP_URL}"))
            variables.append(Variable("PODIUM_ACCOUNTS_PROXIES", "1"))
        address = _MANAGED.get(self._choices.database)
        variables += self._secret_databases() if address is None else self._databases(address)
        if self.secret_key is not None:
            variables.append(Variable(self.secret_key, is_secret=True, example=_KEY_EXAMPLE))
        return variables

    def _address(self, password: str, host: str) -> str:
        server = self._choices.server
        return "" if server is None else server.address_of(password, host)

    def _secret_databases(self) -> list[Variable]:
        """The same where nobody inserts a password, and the secrets of its owner."""
        example = self._address("PASSWORD", "HOST")
        secrets = [(one.name, example) for one in self._databases(example)]
        known = dict(secrets)
        secrets += [(name, f"YOUR_{name}") for name in self.own_secrets if name not in known]
        return [Variable(name, is_secret=True, example=text) for name, text in secrets]

    def _databases(self, address: str) -> list[Variable]:
        """The variables with the address of the database, if it is a server."""
        if self._choices.server is None:
            return []
        if self._choices.app == "django":
            return [Variable("DATABASE_URL", address)]
        variables = [Variable(f"{_PREFIXES[self._choices.app]}PODIUM_STORE", address)]
        if self._choices.has_people and self._choices.holds_accounts:
            is_standalone = self._choices.app == "none"
            variables.append(
                Variable(
                    "PODIUM_ACCOUNTS_DATABASE" if is_standalone else "FLASK_DATABASE_URL", address
                )
            )
        return variables

    def _names(self, name: str) -> list[Variable]:
        """The host names that requests may use, besides those that are always allowed."""
        if self._choices.app == "django":
            return [Variable("DJANGO_ALLOWED_HOSTS", f"{name},localhost")]
        return [Variable(f"{_PREFIXES[self._choices.app]}PODIUM_ALLOWED_HOSTS", name)]
