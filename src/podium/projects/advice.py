"""The recommended hosting of a new project, and the reasons."""

from __future__ import annotations

from dataclasses import dataclass

from podium.projects.choices import Choices
from podium.projects.figures import (
    IMAGES_SOURCE,
    MACHINE,
    MEASURED_ON,
    PLAIN,
    PODIUM,
    SOURCE,
    TUTORIAL,
    WITH_ACCOUNTS,
    Image,
)


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation.

    Attributes:
        short: in a few words.
        why: in two or three sentences.
        warnings: what the choices leave open, one sentence each.
    """

    short: str
    why: str
    warnings: tuple[str, ...] = ()


def _image(image: Image, framework: str) -> str:
    return (
        f"A container image takes {image.ours_mb} MB, or {image.smallest_mb} MB if `podium image` builds "
        f"it; with {framework} and scikit-learn it takes {image.theirs_mb} MB ({IMAGES_SOURCE})."
    )


_IN_FLASK = Advice(
    "Podium inside your Flask app",
    "A blueprint adds the form, the API and the records to your app, with its login and its "
    "templates; nothing but the core is installed. If one core has to serve thousands of requests "
    "a second, run Podium beside it instead.",
)
_IN_DJANGO = Advice(
    "Podium inside your Django project",
    "An app of INSTALLED_APPS adds the form, the API and the records to your project, with its "
    "users, permissions and database; nothing but the core is installed. If one core has to serve "
    "thousands of requests a second, run Podium beside it instead.",
)
_WITH_PEOPLE = Advice(
    "Podium with accounts: the features of a Django project, without writing one",
    "People log in, so Django is used for users, groups, permissions, tokens and an admin; "
    f"predictions don't pass through it. {_image(WITH_ACCOUNTS, 'Django')}",
)
_ALONE = Advice(
    "Podium alone: as small as a Flask app, without writing one",
    "Without a login and an existing app, no web framework is installed: the model is compiled "
    "when it is packed, and needs neither scikit-learn nor pandas. "
    f"{_image(PLAIN, 'Flask')}",
)


def advice_for(choices: Choices) -> Advice:
    """The hosting that fits these choices."""
    alone = _WITH_PEOPLE if choices.has_people else _ALONE
    advice = {"flask": _IN_FLASK, "django": _IN_DJANGO}.get(choices.app, alone)
    return Advice(advice.short, f"{advice.why} {_measured()}", tuple(_warnings(choices)))


def _measured() -> str:
    return (
        f"Measured with a forest of 100 trees on one core: Podium alone took {PODIUM.disk_mb} MB, "
        f"was ready in {PODIUM.start_s:.1f} s and answered {PODIUM.requests:,.0f} requests a second, "
        f"each recorded; Flask with scikit-learn took {TUTORIAL.disk_mb} MB, was ready in "
        f"{TUTORIAL.start_s:.1f} s and answered {TUTORIAL.requests:,.0f} "
        f"({MEASURED_ON}, {MACHINE}; {SOURCE})."
    )


def _warnings(choices: Choices) -> list[str]:
    warnings = []
    if choices.database == "none":
        warnings.append("Predictions aren't recorded: choose a database to have records.")
    if choices.app == "none" and not choices.has_people:
        warnings.append(
            "Nobody logs in: everybody who reaches the server can use the model"
            + (". " if choices.database == "none" else " and read the records. ")
            + "So its port is published on this machine only, and inside a cluster."
        )
    if choices.has_files:
        warnings.append(
            "DigitalOcean's App Platform has no disks: files are lost there with each deployment. "
            "Choose postgresql or mysql if you deploy there."
        )
    if not choices.is_small:
        warnings.append(
            "The image includes scikit-learn and pandas, for models that don't compile."
        )
    return warnings
