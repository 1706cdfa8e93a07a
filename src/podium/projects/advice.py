"""What a new project is advised to be, and why."""

from __future__ import annotations

from dataclasses import dataclass

from podium.projects.answers import Answers
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
        warnings: what the answers leave open, a sentence each.
    """

    short: str
    why: str
    warnings: tuple[str, ...] = ()


def _image(image: Image, framework: str) -> str:
    return (
        f"An image has {image.ours_mb} MB then, {image.smallest_mb} by `podium image`, and with "
        f"{framework} and scikit-learn {image.theirs_mb} ({IMAGES_SOURCE})."
    )


_IN_FLASK = Advice(
    "Podium inside your Flask app",
    "A blueprint brings the form, the API and the records into the app that you have, with its "
    "log in and its templates; nothing but the core is added. Where one core has to answer "
    "thousands a second, run Podium beside it instead.",
)
_IN_DJANGO = Advice(
    "Podium inside your Django project",
    "An app of INSTALLED_APPS brings the form, the API and the records into the project that you "
    "have, with its users, permissions and database; nothing but the core is added. Where one core "
    "has to answer thousands a second, run Podium beside it instead.",
)
_WITH_PEOPLE = Advice(
    "Podium with accounts: as much as a Django project has, without writing one",
    "People log in, so Django comes in behind the pages for users, groups, permissions, tokens and "
    f"an admin, and predictions don't pass through it. {_image(WITH_ACCOUNTS, 'Django')}",
)
_ALONE = Advice(
    "Podium alone: as small as a Flask app, without writing one",
    "Nobody logs in and there is no app to fit into, so no web framework is installed: the model is "
    "compiled when it is packed, and needs neither scikit-learn nor pandas. "
    f"{_image(PLAIN, 'Flask')}",
)


def advice_for(answers: Answers) -> Advice:
    """What these answers come to."""
    alone = _WITH_PEOPLE if answers.has_people else _ALONE
    advice = {"flask": _IN_FLASK, "django": _IN_DJANGO}.get(answers.app, alone)
    return Advice(advice.short, f"{advice.why} {_measured()}", tuple(_warnings(answers)))


def _measured() -> str:
    return (
        f"Measured with a forest of 100 trees on one core: Podium alone took {PODIUM.disk_mb} MB, "
        f"was ready in {PODIUM.start_s:.1f} s and answered {PODIUM.requests:,.0f} a second, each "
        f"recorded; Flask with scikit-learn took {TUTORIAL.disk_mb} MB, {TUTORIAL.start_s:.1f} s, "
        f"and answered {TUTORIAL.requests:,.0f} ({MEASURED_ON}, {MACHINE}; {SOURCE})."
    )


def _warnings(answers: Answers) -> list[str]:
    told = []
    if answers.database == "none":
        told.append("Nothing that is asked or answered is kept: take a database to have records.")
    if answers.app == "none" and not answers.has_people:
        told.append(
            "Nobody logs in: whoever reaches the server can use the model"
            + (". " if answers.database == "none" else " and read the records. ")
            + "So its port is opened to this machine alone, and inside a cluster."
        )
    if answers.has_files:
        told.append(
            "App Platform has no disks: what is kept in files is lost there with each deployment. "
            "Take postgresql or mysql if you go there."
        )
    if not answers.is_small:
        told.append("The image takes scikit-learn and pandas, for models that don't compile.")
    return told
