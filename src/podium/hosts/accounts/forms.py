"""Forms: the login, the first administrator, API tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User

from podium.access import WORDS, Action
from podium.hosts.django.tokens import DAYS


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


class TokenForm(forms.Form):
    """What a token is called, and what it is for.

    Args:
        may: what its owner may do, by model.
    """

    name = forms.CharField(label="What is it for?", max_length=80)
    days = forms.TypedChoiceField(
        label="How long is it valid?",
        coerce=int,
        initial=DAYS,
        choices=[(7, "a week"), (30, "30 days"), (DAYS, f"{DAYS} days"), (365, "a year")],
    )
    models = forms.MultipleChoiceField(
        label="For which models?",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all that you may use, also those that come later.",
    )
    actions = forms.MultipleChoiceField(
        label="To do what?",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all that you may do.",
    )

    def __init__(self, may: Mapping[str, Collection[Action]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models: Any = self.fields["models"]
        actions: Any = self.fields["actions"]
        models.choices = [(name, name) for name in may]
        known = {action for some in may.values() for action in some}
        actions.choices = [(one.value, WORDS[one]) for one in Action if one in known]


class NamedLoginForm(LoginForm):  # type: ignore[misc] # allauth has no types
    """The login, with words for both ways to say who one is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Name or e-mail address"
        self.fields["remember"].label = "Stay logged in on this device"
