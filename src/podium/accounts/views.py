"""The account page, and the link that creates the first administrator."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.account.utils import perform_login
from allauth.account.views import EmailView
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from podium.access import WORDS, Action, Actor, allowed
from podium.accounts import links, page
from podium.accounts.forms import AdministratorForm, TokenForm
from podium.errors import InputError
from podium.hosts.django.models.token import ApiToken
from podium.hosts.django.tokens import make_token, revoke_token


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, code: str) -> HttpResponse:
    """Create the first administrator, with the link that was printed at start."""
    if not links.is_good(code):
        return render(request, "podium_accounts/set_up_over.html", status=410)
    form = AdministratorForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "podium_accounts/set_up.html", {"form": form})
    said = form.cleaned_data
    user = links.use(
        code, username=said["username"], email=said["email"], password=said["password1"]
    )
    if user is None:
        return render(request, "podium_accounts/set_up_over.html", status=410)
    answer: HttpResponse = perform_login(request, user, email_verification="none", redirect_url="/")
    return answer


@require_POST
@login_required
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Log the user out of another browser."""
    get_object_or_404(UserSession, pk=session_id, user=request.user).end()
    return redirect("usersessions_list")


@login_required
def again(request: HttpRequest) -> HttpResponse:
    """For users who have neither a password nor a second factor here: log in again."""
    return render(request, "podium_accounts/again.html", {"next": request.GET.get("next", "/")})


class AddressView(EmailView):  # type: ignore[misc] # allauth has no types
    """The user's e-mail address. A new one replaces it only after it was confirmed."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The current address, and the one that waits for confirmation."""
        user: Any = self.request.user
        own = EmailAddress.objects.filter(user=user, verified=False)
        waiting = own.exclude(email=user.email.lower()).first()
        return {**super().get_context_data(**kwargs), "own": user.email, "waiting": waiting}

    def _action_primary(self, request: HttpRequest) -> None:
        """Nothing: there is one address, and only a confirmation replaces it."""

    def _action_remove(self, request: HttpRequest) -> HttpResponse | None:
        """Remove an address. If it was the current one, it is notified."""
        user: Any = request.user
        address = self._get_email_address(request)
        counted = address is not None and (address.verified or address.email == user.email.lower())
        answer: HttpResponse | None = super()._action_remove(request)
        if answer is not None and counted:
            details = {"deleted_email": address.email}
            prefix = "account/email/email_deleted"
            get_adapter().send_notification_mail(prefix, user, details, email=address.email)
        return answer


address = AddressView.as_view()


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator] # allauth has no types
def account(request: HttpRequest) -> HttpResponse:
    """The user's permissions and tokens; a new token is shown once."""
    site, ours = page.site_and_request(request)
    may = {name: _actions(ours.actor, name) for name in site.visible(ours.actor)}
    form = TokenForm(may, request.POST or None)
    made: tuple[ApiToken, str] | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = make_token(request.user, **form.cleaned_data, by=ours.actor)
        except InputError as error:
            form.add_error(None, f"{error.message}: {error.hint}")
        else:
            form = TokenForm(may)
    tokens = ApiToken.objects.filter(user=request.user.pk, revoked_at=None)
    shown = {
        "form": form,
        "may": {name: [WORDS[action] for action in some] for name, some in may.items()},
        "tokens": tokens,
        "made": made,
        "example": next((name for name, some in may.items() if Action.PREDICT in some), None),
        "origin": f"{request.scheme}://{request.get_host()}",
    }
    return render(request, "podium_accounts/account.html", shown)


@require_POST
@login_required
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke a token of the user."""
    token = get_object_or_404(ApiToken, pk=token_id, user=request.user.pk)
    if revoke_token(token):
        messages.success(request, f"The token {token.name} was revoked.")
    return redirect("podium_account")


def _actions(actor: Actor, model: str) -> list[Action]:
    return [action for action in Action if allowed(actor, action, model)]
