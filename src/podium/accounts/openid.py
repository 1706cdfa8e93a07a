"""OpenID Connect, strictly checked, on allauth's flow.

Beyond what allauth does: a nonce is sent and must come back, the ID token is verified with the
issuer's key and an algorithm from a list, its issuer is the one in the settings, user info must be
about the same subject, and only this machine may be contacted without TLS.

Source: https://openid.net/specs/openid-connect-core-1_0.html, 3.1.3.7 and 5.3.2.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from requests import RequestException

from podium.accounts import mail
from podium.accounts.addresses import is_private

# Asymmetric signatures only: with an HMAC whoever knows the client's secret could sign, and "none"
# is no signature.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
CLOCKS_DIFFER_S = 60


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc] # allauth has no types
    """Communicates with one issuer, for one request."""

    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The issuer's metadata.

        Raises:
            OAuth2Error: its issuer is another one, or the connection would be unencrypted.
        """
        found: dict[str, Any] = super().openid_config
        wanted = self.get_provider().app.settings["server_url"].partition("/.well-known/")[0]
        if str(found.get("issuer", "")).rstrip("/") != wanted.rstrip("/"):
            raise OAuth2Error(f"the issuer's own name is {found.get('issuer')!r}, not {wanted!r}")
        for name in ENDPOINTS:
            if name in found and not is_private(str(found[name])):
                raise OAuth2Error(f"{name} is {found[name]!r}: only https:// URLs are allowed")
        return found

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Where the issuer sends people back to, by the public URL if it is set."""
        if not mail.settings().accounts.url:
            found: str = super().get_callback_url(request, app)
            return found
        path = reverse("openid_connect_callback", kwargs={"provider_id": self.provider_id})
        return mail.public_url(path)

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any
    ) -> Any:
        """The user, according to the ID token and the user info.

        Raises:
            OAuth2Error: one of them is invalid.
        """
        text = kwargs["response"].get("id_token")
        if not text:
            raise OAuth2Error("there is no ID token in the response")
        claims = self._decode_id_token(app, text)
        found = {"id_token": claims}
        if "userinfo_endpoint" in self.openid_config:
            found["userinfo"] = self._fetch_user_info(token.token)
            if found["userinfo"].get("sub") != claims["sub"]:
                raise OAuth2Error("the user info has another subject than the ID token")
        return self.get_provider().sociallogin_from_response(request, found)

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key=self._key(id_token),
                algorithms=ALGORITHMS,
                issuer=self.openid_config["issuer"],
                audience=app.client_id,
                leeway=CLOCKS_DIFFER_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise OAuth2Error(f"the ID token isn't valid: {error}") from error
        if not self.nonce or not hmac.compare_digest(str(claims["nonce"]), self.nonce):
            raise OAuth2Error("the ID token belongs to another login: its nonce is a different one")
        audience = claims["aud"]
        is_shared = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if is_shared else app.client_id) != app.client_id:
            raise OAuth2Error("the ID token was made for another client")
        return claims

    def _key(self, id_token: str) -> Any:
        """The key named in a token, which must be one of the issuer's."""
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        head = jwt.get_unverified_header(id_token)
        keys = [
            one
            for one in jwt.PyJWKSet.from_dict(answer.json()).keys
            if one.public_key_use in (None, "sig") and head.get("kid") in (None, one.key_id)
        ]
        if len(keys) != 1:
            raise OAuth2Error(f"the issuer has {len(keys)} keys with the ID token's key id")
        return keys[0].key


class Provider(OpenIDConnectProvider):  # type: ignore[misc] # as above
    """One of the issuers in the settings."""

    oauth2_adapter_class = Adapter

    def redirect(
        self, request: HttpRequest, process: str, next_url: Any = None, data: Any = None, **kw: Any
    ) -> HttpResponse:
        """Redirect to the issuer, with a nonce that its response must repeat."""
        nonce = secrets.token_urlsafe(32)
        kw |= {"auth_params": {**self.get_auth_params(), "nonce": nonce}, "nonce": nonce}
        kw["scope"] = self.get_scope()
        answer: HttpResponse = super().redirect(request, process, next_url, data, **kw)
        return answer


class _Callback(OAuth2CallbackView):  # type: ignore[misc] # as above
    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, answer = super()._get_state(request, provider)
        if state is not None:
            self.adapter.nonce = state.get("nonce", "")
        return state, answer


@login_not_required
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Redirect to the issuer."""
    return _answer(OAuth2LoginView, request, provider_id)


@login_not_required
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Return from the issuer."""
    return _answer(_Callback, request, provider_id)


def _answer(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    adapter = Adapter(request, provider_id)
    answer: HttpResponse
    try:
        answer = view.adapter_view(adapter)(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except (OAuth2Error, RequestException) as error:
        answer = render_authentication_error(request, adapter.get_provider(), exception=error)
    return answer
