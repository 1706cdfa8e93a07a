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
    """A name, an e-mail address for resetting the password, and a sufficiently long password."""

    email = forms.EmailField(
        label="Email address", required=False, help_text="To reset a forgotten password."
    )

    class Meta:
        """The fields of a user."""

        model = User
        fields = ("username", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = ""
        self.fields["password1"].help_text = "Twelve characters or more."
        self.fields["password2"].help_text = ""


class TokenForm(forms.Form):
    """The name and the scope of a token.

    Args:
        may: the permissions of its owner, by model.
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
        """The ticked models; None for every one."""
        return chosen_of(self.cleaned_data["models"])

    def clean_actions(self) -> list[str] | None:
        """The ticked actions; None for all."""
        return chosen_of(self.cleaned_data["actions"])


class NamedLoginForm(theirs.LoginForm):  # type: ignore[misc] # allauth has no types
    """The login form, with labels for both ways to identify oneself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "Name or email address"
        # No name and no address is longer; a database may refuse to look up one that is.
        login.validators.append(MaxLengthValidator(LOGIN_MAX))
        self.fields["remember"].label = "Stay logged in on this device"


class ForgottenPasswordForm(theirs.ResetPasswordForm):  # type: ignore[misc] # as above
    """The account is looked up after the response, so that its time reveals nothing."""

    def clean_email(self) -> str:
        """The address, whether or not it has an account."""
        email: str = self.cleaned_data["email"].lower()
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Send a link to the address in the background."""
        email: str = self.cleaned_data["email"]
        write("password_reset_requested", target=email)

        def send() -> None:
            self.users = people.with_address(email)
            super(ForgottenPasswordForm, self).save(request, **kwargs)

        mail.later(send)
        return email


class NewAddressForm(theirs.AddEmailForm):  # type: ignore[misc] # as above
    """A new e-mail address. It is used only after a mail to it was confirmed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New address"

    def save(self, request: HttpRequest) -> EmailAddress:
        """Send the mail for confirmation. The current address stays as it is."""
        waiting = EmailAddress.objects.filter(user=self.user, verified=False)
        waiting.exclude(email=self.user.email.lower()).delete()
        email: str = self.cleaned_data["email"]
        return EmailAddress.objects.add_email(request, self.user, email, confirm=True)


class _EndsTokens(forms.Form):
    """Offers to revoke the tokens that were created with the old password."""

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
        """Set the password; revoke the tokens if requested."""
        super().save()  # type: ignore[misc] # allauth's form
        if self.cleaned_data.get("end_tokens") and self._owner is not None:
            revoke_tokens(self._owner)


class NewPasswordForm(_EndsTokens, theirs.ChangePasswordForm):  # type: ignore[misc] # as above
    """A new password, given the old one."""

    def clean_oldpassword(self) -> str:
        """The old password. A wrong one is a failed login, and is audited as such."""
        try:
            old: str = super().clean_oldpassword()
        except ValidationError:
            write("login_failed", target=self.user.get_username())
            raise
        return old


class ResetPasswordForm(_EndsTokens, theirs.ResetPasswordKeyForm):  # type: ignore[misc] # as above
    """A new password, given the link."""


class AdministratorsPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A new password for another user, whose tokens are revoked."""

    def save(self, commit: bool = True) -> Any:
        """Set it, and notify the user."""
        user = super().save(commit)
        revoke_tokens(user)
        get_adapter().send_notification_mail("account/email/password_changed", user)
        return user
