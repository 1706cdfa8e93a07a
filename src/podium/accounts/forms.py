"""Forms: the login, the first administrator, API tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from allauth.account import forms as theirs
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest

from podium.access import ALL, WORDS, Action
from podium.accounts import mail, people
from podium.hosts.django.audit import write
from podium.hosts.django.tokens import DAYS, chosen_of, revoke_tokens, valid_tokens

LOGIN_MAX = 254


class AdministratorForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A name, an address for lost passwords, and a password that is long enough."""

    email = forms.EmailField(
        label="Email address", required=False, help_text="To reset a forgotten password."
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
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Select at least one model."},
    )
    actions = forms.MultipleChoiceField(
        label="To do what?",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Select at least one action."},
    )

    def __init__(self, may: Mapping[str, Collection[Action]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models: Any = self.fields["models"]
        actions: Any = self.fields["actions"]
        models.choices = [
            (ALL, "every model, including future ones"),
            *((name, name) for name in may),
        ]
        known = {action for some in may.values() for action in some}
        actions.choices = [
            (ALL, "everything you may do, now and later"),
            *((one.value, WORDS[one]) for one in Action if one in known),
        ]

    def clean_models(self) -> list[str] | None:
        """Those that were ticked; None for every one."""
        return chosen_of(self.cleaned_data["models"])

    def clean_actions(self) -> list[str] | None:
        """Those that were ticked; None for all."""
        return chosen_of(self.cleaned_data["actions"])


class NamedLoginForm(theirs.LoginForm):  # type: ignore[misc] # allauth has no types
    """The login, with words for both ways to say who one is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "Name or email address"
        # No name and no address is longer; a database may refuse to look for one that is.
        login.validators.append(MaxLengthValidator(LOGIN_MAX))
        self.fields["remember"].label = "Stay logged in on this device"


class ForgottenPasswordForm(theirs.ResetPasswordForm):  # type: ignore[misc] # as above
    """Whether there is an account is looked up when nobody waits for it any more."""

    def clean_email(self) -> str:
        """The address, whoever has it."""
        email: str = self.cleaned_data["email"].lower()
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Send a link to whose address it is, soon."""
        email: str = self.cleaned_data["email"]
        write("password_reset_requested", target=email)

        def send() -> None:
            self.users = people.with_address(email)
            super(ForgottenPasswordForm, self).save(request, **kwargs)

        mail.later(send)
        return email


class NewAddressForm(theirs.AddEmailForm):  # type: ignore[misc] # as above
    """Another address. It counts for nothing until whoever reads mail there has confirmed it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New address"

    def save(self, request: HttpRequest) -> EmailAddress:
        """Ask for that by mail. The address that counts stays what it is."""
        waiting = EmailAddress.objects.filter(user=self.user, verified=False)
        waiting.exclude(email=self.user.email.lower()).delete()
        email: str = self.cleaned_data["email"]
        return EmailAddress.objects.add_email(request, self.user, email, confirm=True)


class _EndsTokens(forms.Form):
    """Offers to end the tokens with the password that they were made under."""

    end_tokens = forms.BooleanField(
        label="Revoke my API tokens, too",
        required=False,
        initial=True,
        help_text="Somebody who knew the password may have created some.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._owner: User | None = getattr(self, "user", None)
        if self._owner is None or not valid_tokens().filter(user=self._owner).exists():
            del self.fields["end_tokens"]

    def save(self) -> None:
        """Set the password; revoke them if that is wanted."""
        super().save()  # type: ignore[misc] # allauth's form
        if self.cleaned_data.get("end_tokens") and self._owner is not None:
            revoke_tokens(self._owner)


class NewPasswordForm(_EndsTokens, theirs.ChangePasswordForm):  # type: ignore[misc] # as above
    """Another password, by who knows the old one."""

    def clean_oldpassword(self) -> str:
        """The old one. A wrong one is a login that failed: it is written down as such."""
        try:
            old: str = super().clean_oldpassword()
        except ValidationError:
            write("login_failed", target=self.user.get_username())
            raise
        return old


class ResetPasswordForm(_EndsTokens, theirs.ResetPasswordKeyForm):  # type: ignore[misc] # as above
    """Another password, by who has the link."""


class AdministratorsPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Another password for somebody else, whose tokens end."""

    def save(self, commit: bool = True) -> Any:
        """Set it, and tell them."""
        user = super().save(commit)
        revoke_tokens(user)
        get_adapter().send_notification_mail("account/email/password_changed", user)
        return user
