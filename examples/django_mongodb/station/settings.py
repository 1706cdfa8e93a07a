"""The settings of a project that has everything in MongoDB: users, sightings and predictions."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = os.environ.get("DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")

INSTALLED_APPS = [
    "station.apps.MongoAdminConfig",
    "station.apps.MongoAuthConfig",
    "station.apps.MongoContentTypesConfig",
    "django.contrib.sessions",  # their keys are texts in every database; each login needs one
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "sightings",
    "podium.hosts.django",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",  # before the login
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "podium.hosts.django.audit.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "station.urls"
WSGI_APPLICATION = "station.wsgi.application"
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

DATABASES = {
    "default": {
        "ENGINE": "django_mongodb_backend",
        "HOST": os.environ.get("MONGODB_URL", "mongodb://127.0.0.1:27017"),
        "NAME": "station",
        # Otherwise a request waits for half a minute while the database is down.
        "OPTIONS": {"serverSelectionTimeoutMS": 5_000, "timeoutMS": 20_000},
    }
}
DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"
MIGRATION_MODULES = {
    "admin": "mongo_migrations.admin",
    "auth": "mongo_migrations.auth",
    "contenttypes": "mongo_migrations.contenttypes",
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "sightings"
LOGOUT_REDIRECT_URL = "login"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
USE_TZ = True

PODIUM = {
    "models": {"penguins": BASE_DIR / "penguins.podium"},
    "home": os.environ.get("PODIUM_HOME", BASE_DIR / "podium-home"),
    "base_template": "sightings/base.html",
}
