"""Forms: the login, and the one that makes the first administrator."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User


class AdministratorForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A name, an address for lost passwords, and a password that is long enough."""

    email = forms.EmailField(
        label="E-mail address", required=False, help_text="For a password that was forgotten."
    )

    class Meta:
        """What the form asks of a user."""

        model = User
        fields = ("username", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = ""
        self.fields["password1"].help_text = "Twelve characters or more."
        self.fields["password2"].help_text = ""


class NamedLoginForm(LoginForm):  # type: ignore[misc] # allauth has no types
    """The login, with words for both ways to say who one is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Name or e-mail address"
        self.fields["remember"].label = "Stay logged in on this device"
