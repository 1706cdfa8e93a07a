"""An OpenID provider on this machine: Authlib's server, and one person who is always logged in."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Self

import jwt
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "podium-here", "a-secret-between-the-two"
PERSON = {
    "sub": "4711",
    "preferred_username": "barbara",
    "name": "Barbara",
    "email": "barbara@example.org",
    "email_verified": True,
}


class _Client(ClientMixin):
    """This server, as the provider knows it."""

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.endswith("/accounts/oidc/here/login/callback/")

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Code:
    """A code that was given out."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Provider:
    """The provider, for a `with` block.

    Attributes:
        asked: what codes were asked for with.
        fault: what is wrong with its answers, as an attacker would have it.
    """

    def __init__(self, fault: str = "") -> None:
        self.codes: dict[str, _Code] = {}
        self.asked: list[dict[str, str]] = []
        self.fault = fault
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"}, private=True)
        self.app = Flask("provider")
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._routes(_authorization(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _twisted(self, id_token: str) -> str:
        """The ID token with the fault in it."""
        claims = jwt.decode(id_token, options={"verify_signature": False})
        claims |= {
            "nonce": {"nonce": "of-another-login"},
            "issuer": {"iss": "https://evil.example"},
            "audience": {"aud": ["somebody-else"]},
            "party": {"aud": [CLIENT_ID, "somebody-else"], "azp": "somebody-else"},
            "time": {"exp": int(time.time()) - 3600},
        }.get(self.fault, {})
        if self.fault == "no nonce":
            del claims["nonce"]
        if self.fault == "shared secret":
            return jwt.encode(claims, CLIENT_SECRET, "HS256", headers={"kid": "one"})
        if self.fault == "no signature":
            return jwt.encode(claims, "", "none", headers={"kid": "one"})
        other = RSAKey.generate_key(2048, parameters={"kid": "one"}, private=True)
        key = other if self.fault == "key" else self.key
        return jwt.encode(claims, key.as_pem(private=True), "RS256", headers={"kid": "one"})

    def _routes(self, server: AuthorizationServer) -> None:
        at = self.issuer

        @self.app.get("/.well-known/openid-configuration")
        def configuration() -> Any:
            return jsonify(
                issuer=at,
                authorization_endpoint=f"{at}/authorize",
                token_endpoint=f"{at}/token",
                userinfo_endpoint=f"{at}/userinfo",
                jwks_uri=f"{at}/keys",
                response_types_supported=["code"],
                subject_types_supported=["public"],
                id_token_signing_alg_values_supported=["RS256"],
                token_endpoint_auth_methods_supported=["client_secret_basic"],
            )

        @self.app.get("/authorize")
        def authorize() -> Any:
            self.asked.append(dict(request.args))
            grant = server.get_consent_grant(end_user=PERSON)
            return server.create_authorization_response(grant=grant, grant_user=PERSON)

        @self.app.post("/token")
        def token() -> Any:
            answer = server.create_token_response()
            told = answer.get_json()
            told["id_token"] = self._twisted(told["id_token"])
            answer.set_data(json.dumps(told))
            return answer

        @self.app.get("/userinfo")
        def userinfo() -> Any:
            return jsonify({**PERSON, "sub": "1"} if self.fault == "user info" else PERSON)

        @self.app.get("/keys")
        def keys() -> Any:
            return jsonify(keys=[self.key.as_dict(private=False)])


def _authorization(provider: Provider) -> AuthorizationServer:
    class CodeGrant(AuthorizationCodeGrant):
        def save_authorization_code(self, code: str, request: Any) -> None:
            payload = request.payload
            provider.codes[code] = _Code(
                code=code,
                redirect_uri=payload.redirect_uri,
                scope=payload.scope,
                nonce=payload.data.get("nonce"),
                code_challenge=payload.data.get("code_challenge"),
                code_challenge_method=payload.data.get("code_challenge_method"),
            )

        def query_authorization_code(self, code: str, client: Any) -> _Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: _Code) -> dict[str, Any]:
            return PERSON

    class Code(OpenIDCode):
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def resolve_client_private_key(self, client: Any) -> Any:
            return provider.key

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_client_claims(self, client: Any) -> dict[str, Any]:
            return {"iss": provider.issuer, "aud": [CLIENT_ID]}

        def generate_user_info(self, user: dict[str, Any], scope: str) -> UserInfo:
            return UserInfo(user)

    server = AuthorizationServer(
        provider.app, query_client=lambda _: _Client(), save_token=lambda *_: None
    )
    server.register_grant(CodeGrant, [CodeChallenge(required=True), Code(require_nonce=False)])
    return server
