"""The URLs of the standalone server's pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from podium.accounts import failures, openid, rights_views, static, views

handler400, handler403 = failures.bad_request, failures.forbidden
handler404, handler500 = failures.not_found, failures.failed
handler429 = failures.too_many

urlpatterns = [
    path("accounts/", views.account, name="podium_account"),
    path("accounts/static/<path:name>", static.serve, name="podium_accounts_static"),
    path("accounts/set-up/<str:code>/", views.set_up, name="podium_set_up"),
    path("accounts/tokens/<int:token_id>/revoke/", views.revoke, name="podium_revoke_token"),
    path("accounts/sessions/<int:session_id>/end/", views.end_session, name="podium_end_session"),
    path("accounts/again/", views.again, name="podium_again"),
    path("accounts/rights/", rights_views.matrix, name="podium_rights"),
    re_path(
        r"^accounts/rights/(?P<kind>user|group)/(?P<pk>[0-9]{1,18})/$",
        rights_views.of_one,
        name="podium_rights_of",
    ),
    path("accounts/email/", views.address, name="account_email"),
    path("accounts/oidc/<str:provider_id>/login/", openid.login, name="openid_connect_login"),
    path(
        "accounts/oidc/<str:provider_id>/login/callback/",
        openid.callback,
        name="openid_connect_callback",
    ),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("accounts", RedirectView.as_view(pattern_name="podium_account")),
    path("", include("podium.hosts.django.urls")),
]
