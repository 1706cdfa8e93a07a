"""Style, script and icon of our pages among the project's static files."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.conf import settings as project
from django.core.exceptions import ImproperlyConfigured

from podium.web import static

PREFIX = "podium"
FOLDER = str(Path(static.__file__).with_name("static"))


def add_folder() -> None:
    """Make `collectstatic` and `runserver` find our files, under `podium/`.

    They belong to the pages and stay in their folder, outside of this app: an own folder `static`,
    which Django would find by itself, could only contain copies.
    """
    folders = list(getattr(project, "STATICFILES_DIRS", ()))
    if apps.is_installed("django.contrib.staticfiles") and (PREFIX, FOLDER) not in folders:
        project.STATICFILES_DIRS = [*folders, (PREFIX, FOLDER)]


def static_url(root_path: str, name: str) -> str:
    """The URL of one of our files: the project's, once `collectstatic` has put it there.

    The same files are served below our prefix: for projects without static files, before they are
    collected, and for static files on other origins, which our pages' Content-Security-Policy
    forbids.
    """
    return _collected(f"{PREFIX}/{name}") or f"{root_path}/static/{static.hashed(name)}"


def _collected(name: str) -> str | None:
    if not apps.is_installed("django.contrib.staticfiles"):
        return None
    from django.contrib.staticfiles.storage import staticfiles_storage

    try:
        address = str(staticfiles_storage.url(name))
        is_here = address.startswith("/") and not address.startswith("//")
        return address if is_here and staticfiles_storage.exists(name) else None
    except (ValueError, ImproperlyConfigured):  # a manifest that lacks it, or no STATIC_ROOT
        return None
