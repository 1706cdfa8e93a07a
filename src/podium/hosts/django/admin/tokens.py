"""API tokens in the admin: created, shown once, listed, revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from podium.access import ALL, WORDS, Action
from podium.errors import InputError
from podium.hosts.django.admin.requests import site_and_request
from podium.hosts.django.models import ApiToken
from podium.hosts.django.tokens import DAYS, DAYS_MAX, chosen_of, make_token, revoke_token

_TEXT = "_podium_text"


class TokenForm(forms.ModelForm):  # type: ignore[type-arg] # Django has no arguments when it runs
    """The scope of a new token. Only superusers create tokens for others."""

    for_models = forms.MultipleChoiceField(
        label="Models",
        widget=forms.CheckboxSelectMultiple,
    )
    for_actions = forms.MultipleChoiceField(
        label="Actions",
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (ALL, "everything its owner may do, now and later"),
            *((one.value, WORDS[one]) for one in Action),
        ],
        help_text="Never more than its owner may do.",
    )
    days = forms.IntegerField(
        label="Days",
        initial=DAYS,
        min_value=1,
        max_value=DAYS_MAX,
        help_text="How long it is valid.",
    )

    class Meta:
        """The columns that can be entered as they are."""

        model = ApiToken
        fields = ("user", "name")

    request: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users: Any = self.fields["user"]
        users.initial = None if self.request is None else self.request.user.pk
        if self.request is not None and not _may_for_others(self.request):
            users.queryset = get_user_model()._default_manager.filter(pk=self.request.user.pk)  # noqa: SLF001
        names: Any = self.fields["for_models"]
        if self.request is not None:
            site, request = site_and_request(self.request)
            names.choices = [
                (ALL, "every model, including future ones"),
                *(
                    (name, name)
                    for name in (*site.visible(request.actor), *site.failed(request.actor))
                ),
            ]


class TokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # as above
    """Everybody's tokens. They are revoked and not deleted: the audit log still names them."""

    list_display = ("name", "user", "hint", "opens", "expires_at", "used", "state")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "expires_at")
    list_select_related = ("user",)
    actions = ("revoke",)
    form = TokenForm
    shown = ("user", "name", "hint", "opens", "created_at", "expires_at", "used", "state")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:  # noqa: ARG002
        """Name, prefix and owner."""
        owner: Any = get_user_model()
        return ("name", "hint", f"user__{owner.USERNAME_FIELD}")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """The fields of the form for a new token, and the details of an existing one."""
        return self.shown if obj else ("user", "name", "for_models", "for_actions", "days")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """All fields of an existing token."""
        return self.shown if obj else ()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        """The form for this user."""
        if obj is not None:
            return super().get_form(request, obj, change, form=forms.ModelForm, **kw)
        return type("RequestTokenForm", (TokenForm,), {"request": request})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody may change the scope of a token."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether the user has Django's permission to change tokens."""
        return super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only together with their owner."""
        match = request.resolver_match
        is_here = match is None or (match.url_name or "").startswith("podium_apitoken")
        return not is_here and super().has_change_permission(request, obj)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """The form, with a single button: the next page is shown once."""
        once = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **once})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form; if a token can't be created, the reason is shown above it."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except InputError as error:
            messages.error(request, f"{error.message}: {error.hint}")
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:  # noqa: ARG002
        """Create the token.

        Raises:
            InputError: it can't be created.
        """
        said = form.cleaned_data
        made, text = make_token(
            said["user"],
            said["name"],
            models=chosen_of(said["for_models"]),
            actions=chosen_of(said["for_actions"]),
            days=said["days"],
            by=site_and_request(request)[1].actor,
        )
        obj.pk = made.pk
        obj.refresh_from_db()
        setattr(obj, _TEXT, text)

    def response_add(self, request: HttpRequest, obj: ApiToken, *args: Any) -> HttpResponse:  # noqa: ARG002
        """The only page that ever shows the token."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,  # noqa: SLF001 - as Django's own templates need it
            "title": "The new token",
            "token": obj,
            "text": getattr(obj, _TEXT),
        }
        return TemplateResponse(request, "podium/admin/new_token.html", context)

    @admin.action(description="Revoke the chosen tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        """Revoke tokens."""
        n_revoked = sum(revoke_token(one) for one in chosen.select_related("user"))
        noun = "token was" if n_revoked == 1 else "tokens were"
        messages.success(request, f"{n_revoked} {noun} revoked.")

    @admin.display(description="is for")
    def opens(self, token: ApiToken) -> str:
        """Its actions and models, in words."""
        actions = "anything" if ALL in token.actions else ", ".join(token.actions) or "nothing"
        models = "every model" if ALL in token.model_names else ", ".join(token.model_names)
        return f"{actions} with {models or 'no model'}"

    @admin.display(description="last used", ordering="last_used_at", empty_value="never")
    def used(self, token: ApiToken) -> Any:
        """When it was last used, to the minute."""
        return token.last_used_at

    @admin.display(description="valid", boolean=True)
    def state(self, token: ApiToken) -> bool:
        """Whether it is valid."""
        return token.is_valid


def _may_for_others(request: HttpRequest) -> bool:
    """A token for somebody else would be a way to act as them."""
    return bool(getattr(request.user, "is_superuser", False))
