"""Settings of a project with users, languages, databases and a prefix of its own.

What differs from run to run comes from the environment, as it does in production.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

BASE_DIR = Path(os.environ["SHOP_FOLDER"])
SECRET_KEY = "a secret of the tests only, which is longer than fifty characters"
DEBUG = os.environ.get("SHOP_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("SHOP_HOSTS", "127.0.0.1,testserver").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "shop",
    "podium.hosts.django",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def database(name: str, address: str) -> dict[str, object]:
    """One database: of a MongoDB or PostgreSQL server, or a file where there is no address."""
    if not address:
        file = str(BASE_DIR / f"{name}.sqlite3")
        test = {"NAME": str(BASE_DIR / f"test_{name}.sqlite3")}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "TEST": test}
    parts = urlsplit(address)
    if parts.scheme == "mongodb":
        name = parts.path.lstrip("/")
        return {"ENGINE": "django_mongodb_backend", "HOST": address, "NAME": name}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": parts.port,
    }


ADDRESSES = os.environ.get("SHOP_DATABASES", ",").split(",")
DATABASES = {
    "default": database("shop", ADDRESSES[0]),
    "predictions": database("predictions", ADDRESSES[1]),
}
if not ADDRESSES[0]:
    # Podium's threads write counts here: a transaction that reads first would fail at times. Not in
    # the other one, where the transactions of test cases would keep records from being written.
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
DATABASE_ROUTERS = ["shop.routers.PredictionsApart"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "shop.Member"
LOGIN_URL = "enter"
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("he", "Hebrew"), ("de", "German")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Jerusalem"
STATIC_URL = "/assets/"
STATIC_ROOT = BASE_DIR / "collected"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, for tests only

PODIUM = {
    "models": {"loans": os.environ["SHOP_MODEL"]},
    "home": BASE_DIR / "podium-home",
    **json.loads(os.environ.get("SHOP_PODIUM", "{}")),
}
