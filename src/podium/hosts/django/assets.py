"""Style, script and icon of our pages among the project's static files."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.conf import settings as project

from podium.web import static

PREFIX = "podium"
FOLDER = str(Path(static.__file__).with_name("static"))


def add_folder() -> None:
    """Make `collectstatic` and `runserver` find our files, under `podium/`.

    They belong to the pages and lie there, outside of this app: its own folder `static`, which
    Django would look into by itself, could only hold copies of them.
    """
    folders = list(getattr(project, "STATICFILES_DIRS", ()))
    if apps.is_installed("django.contrib.staticfiles") and (PREFIX, FOLDER) not in folders:
        project.STATICFILES_DIRS = [*folders, (PREFIX, FOLDER)]


def static_url(root_path: str, name: str) -> str:
    """The address of one of our files: the project's, where it serves static files of its own.

    Below our prefix are the same files, for projects without them, for a storage that doesn't know
    ours because `collectstatic` wasn't run since, and for one elsewhere, which the policy of our
    pages doesn't let a browser load from.
    """
    own = f"{root_path}/static/{static.hashed(name)}"
    if not apps.is_installed("django.contrib.staticfiles"):
        return own
    from django.templatetags.static import static as address_of

    try:
        address = str(address_of(f"{PREFIX}/{name}"))
    except ValueError:  # of a manifest without it
        return own
    return address if address.startswith("/") and not address.startswith("//") else own
