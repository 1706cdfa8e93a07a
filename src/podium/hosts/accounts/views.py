"""The account's own page, and the link that makes the first administrator."""

from __future__ import annotations

from allauth.account.utils import perform_login
from allauth.usersessions.models import UserSession
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from podium.hosts.accounts import links
from podium.hosts.accounts.forms import AdministratorForm


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, code: str) -> HttpResponse:
    """Make the first administrator, by the link that was printed at start."""
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
    """Log the one who asks out of another browser."""
    get_object_or_404(UserSession, pk=session_id, user=request.user).end()
    return redirect("usersessions_list")


@require_GET
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """What belongs to the one who is logged in."""
    return render(request, "podium_accounts/account.html")
