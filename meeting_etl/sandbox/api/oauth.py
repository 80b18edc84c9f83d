"""Tokens: which are valid, their kind and owner, the refresh grant, and service apps.

Belongs here: issuing, checking and rotating tokens. Does not: what a token may do
(sandbox/sandbox.py).
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.results import Item, Result
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.model import SECRET_MARK, Kind, Person, cisco_id

REFRESH_TOKEN_LIFE = timedelta(days=90)
SCOPES: dict[Kind, str] = {
    "user": "meeting:schedules_read meeting:participants_read meeting:recordings_read"
    " meeting:transcripts_read meeting:preferences_read spark:kms",
    "admin": "meeting:admin_schedule_read meeting:admin_participants_read"
    " meeting:admin_recordings_read meeting:admin_transcripts_read"
    " meeting:admin_preferences_read spark:kms",
    "compliance": "spark-compliance:meetings_read spark:kms",
}


INTEGRATION_SCOPES = "spark:applications_token spark:kms"


@dataclass(frozen=True, slots=True)
class Token:
    """An access or refresh token: its kind, whose it is, and when it expires.

    That of an integration may request tokens of service apps and has no other scope.
    """

    kind: Kind
    owner: Person
    expires_at: datetime
    is_integration: bool = False


@dataclass(frozen=True, slots=True)
class ServiceApp:
    """A service app that an administrator authorized for one organization."""

    application_id: str
    target_org_id: str
    client_id: str
    client_secret: str = field(repr=False)


def token_expiry(context: RequestContext) -> Result:
    """GET /authorizations/tokenExpiry: of the token of the request, in milliseconds since 1970."""
    return Item({"exp": int(context.token_expires_at.timestamp() * 1000)})


class Tokens:
    """All tokens that were issued. Safe to use from several threads."""

    def __init__(self, seed: int, access_token_seconds: int) -> None:
        self.client_id = f"C{hashlib.sha256(f'client {seed}'.encode()).hexdigest()}"
        self.client_secret = f"{SECRET_MARK}-client-{self.client_id[-12:]}"
        self._seed = seed
        self._life = timedelta(seconds=access_token_seconds)
        self._issued = 0
        self._access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}
        self._apps: dict[str, tuple[ServiceApp, Kind, Person]] = {}
        self._lock = threading.Lock()

    def access(self, kind: Kind, owner: Person, now: datetime) -> str:
        """A valid access token of that kind: the newest one, or a new one if that has expired."""
        with self._lock:
            for text, token in reversed(self._access.items()):
                whose = (token.kind, token.owner, token.is_integration)
                if whose == (kind, owner, False) and token.expires_at > now:
                    return text
            return self._new("access", Token(kind, owner, now + self._life), self._access)

    def grant(
        self, kind: Kind, owner: Person, now: datetime, *, is_integration: bool = False
    ) -> str:
        """A new refresh token for that kind of access."""
        token = Token(kind, owner, now + REFRESH_TOKEN_LIFE, is_integration)
        with self._lock:
            return self._new("refresh", token, self._refresh)

    def service_app(self, kind: Kind, owner: Person, org_id: str) -> ServiceApp:
        """A service app of that kind of access, as if by that person."""
        key = hashlib.sha256(f"app {self._seed} {kind} {owner.email}".encode()).hexdigest()
        application_id = cisco_id("APPLICATION", f"C{key}")
        secret = f"{SECRET_MARK}-app-{key[-12:]}"
        app = ServiceApp(application_id, cisco_id("ORGANIZATION", org_id), f"A{key}", secret)
        self._apps[application_id] = (app, kind, owner)
        return app

    def service_app_token(self, application_id: str, document: Json, now: datetime) -> Json:
        """A new access token of a service app, for the fields of a request's body."""
        if application_id not in self._apps:
            raise Refusal(404, "There is no such service app.")
        app, kind, owner = self._apps[application_id]
        names = ("clientId", "clientSecret", "targetOrgId")
        client_id, client_secret, org_id = (document.get(name) for name in names)
        if (client_id, client_secret) != (app.client_id, app.client_secret):
            raise Refusal(400, "Invalid client credentials")
        if not isinstance(org_id, str):
            raise Refusal(400, "targetOrgId is missing.")
        if org_id != app.target_org_id:
            raise Refusal(403, "The service app is not authorized for that organization.")
        with self._lock:
            access = self._new("access", Token(kind, owner, now + self._life), self._access)
            # No refresh grant of service apps is served.
            refresh = self._new("refresh", Token(kind, owner, now), {})
        return self._response(access, refresh)

    def change(self, kind: Kind) -> None:
        """Have all refresh tokens lead to that kind of access; access tokens stay as they are."""
        with self._lock:
            self._refresh = {
                text: replace(token, kind=kind) for text, token in self._refresh.items()
            }

    def check(self, authorization: str | None, now: datetime) -> Token:
        """The token of an Authorization header; refuses with 401."""
        token = self._token(authorization)
        if token is None or token.expires_at <= now:
            raise Refusal(401, "The request needs a valid access token.")
        return token

    def owner_of(self, authorization: str | None) -> str:
        """Address of the owner of a token, valid or expired; empty for an unknown one."""
        token = self._token(authorization)
        return token.owner.email if token else ""

    def _token(self, authorization: str | None) -> Token | None:
        scheme, _, text = (authorization or "").partition(" ")
        return self._access.get(text) if scheme.lower() == "bearer" else None

    def revoke(self, owner: Person | None = None) -> None:
        """Refuse every access token issued so far, or those of one owner; refresh tokens stay."""
        with self._lock:
            for text, token in list(self._access.items()):
                if owner in (None, token.owner):
                    del self._access[text]

    def refresh(self, form: Mapping[str, str], now: datetime) -> Json:
        """The refresh grant. The refresh token is used up; older access tokens stay valid."""
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, "grant_type must be refresh_token.")
        client = (form.get("client_id"), form.get("client_secret"))
        if client != (self.client_id, self.client_secret):
            raise Refusal(401, "client_id or client_secret is wrong.")
        with self._lock:
            token = self._refresh.pop(form.get("refresh_token", ""), None)
            if token is None or token.expires_at <= now:
                raise Refusal(400, "The refresh token is invalid, used up or expired.")
            new = replace(token, expires_at=now + self._life)
            access = self._new("access", new, self._access)
            kept = replace(token, expires_at=now + REFRESH_TOKEN_LIFE)
            refresh = self._new("refresh", kept, self._refresh)
        scopes = INTEGRATION_SCOPES if token.is_integration else SCOPES[token.kind]
        return self._response(access, refresh) | {"scope": scopes}

    def _response(self, access: str, refresh: str) -> Json:
        return {
            "access_token": access,
            "expires_in": int(self._life.total_seconds()),
            "refresh_token": refresh,
            "refresh_token_expires_in": int(REFRESH_TOKEN_LIFE.total_seconds()),
            "token_type": "Bearer",
        }

    def _new(self, sort: str, token: Token, store: dict[str, Token]) -> str:
        self._issued += 1
        seed = f"{sort} {token.kind} {self._seed} {self._issued}"
        text = f"{SECRET_MARK}-{sort}-{hashlib.sha256(seed.encode()).hexdigest()}"
        store[text] = token
        return text
