"""`podium manage rotate_secret`: a new key for cookies and links."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from podium.accounts.secret import rotate


class Command(BaseCommand):
    """Creates a new key; signatures of older ones stay valid, unless they are forgotten."""

    help = "Create a new secret key. The server uses it after its next start."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option."""
        parser.add_argument(
            "--forget",
            action="store_true",
            help="remove older keys, too: everybody has to log in again",
        )

    def handle(self, *, forget: bool, **_: Any) -> None:
        """Create the key.

        Raises:
            CommandError: the key is in the settings, not in the home folder.
        """
        if settings.PODIUM_SETTINGS.settings.accounts.secret_key:
            raise CommandError("the key is in the settings: change `secret_key` there")
        rotate(Path(settings.PODIUM_HOME), forget=forget)
        self.stdout.write("a new key was created; restart the server to use it")
