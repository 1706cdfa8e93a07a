"""A plug-in of pytest: the project is set up before any test is read."""

from __future__ import annotations

import django

django.setup()
