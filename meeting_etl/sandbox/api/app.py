"""The API: from a request to a response in bytes.

Belongs here: the routes and the order of what a request passes. Does not: which endpoints there are
(routes.py), what they select or do (meetings.py, recordings_and_transcripts.py, webhooks.py), how a
response is written (responses.py).
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meeting_etl.sandbox.api.changes import Changes
from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.oauth import Tokens
from meeting_etl.sandbox.api.pagination import Pager
from meeting_etl.sandbox.api.rate_limit import RateLimits
from meeting_etl.sandbox.api.responses import JSON_TYPE, Responses
from meeting_etl.sandbox.api.results import Item, NoContent, Result, Text
from meeting_etl.sandbox.api.routes import ENDPOINTS, RENEWAL_PATH, SERVICE_APP_PATH, Endpoint
from meeting_etl.sandbox.api.webhook_registry import Registry
from meeting_etl.sandbox.counters import Counters, Seen
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Handler, Layer, Refusal, unchanged
from meeting_etl.sandbox.media.files import Media
from meeting_etl.sandbox.media.tickets import Tickets
from meeting_etl.sandbox.world.index import Index
from meeting_etl.times import Clock

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SENDING = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, slots=True)
class Service:
    """What the endpoints work on."""

    index: Index
    clock: Clock
    tokens: Tokens
    webhooks: Registry
    changes: Changes
    media: Media
    tickets: Tickets
    longest_window_days: int = 30


class Api:
    """All routes of the API.

    A request passes, from the outside: the counters, `gateway`, the rate limit, the token check,
    `backend`, the endpoint. Requests for a token and to unknown paths have no token to check.
    """

    def __init__(
        self,
        service: Service,
        pager: Pager,
        limits: RateLimits,
        counters: Counters,
        *,
        gateway: Layer = unchanged,
        backend: Layer = unchanged,
    ) -> None:
        self._service = service
        self._pager = pager
        self._limits = limits
        self._counters = counters
        self._gateway = gateway
        self._backend = backend
        self._responses = Responses()

    def routes(self) -> list[Route]:
        """Every route; the last one takes whatever no other takes."""
        return [
            *(
                self._route(endpoint.path, endpoint.method, self._endpoint(endpoint))
                for endpoint in ENDPOINTS
            ),
            self._route(RENEWAL_PATH, "POST", self._backend(self._token)),
            self._route(SERVICE_APP_PATH, "POST", self._backend(self._service_app_token)),
            Route("/{rest:path}", self._served("", self._unknown), methods=list(METHODS)),
        ]

    def _route(self, path: str, method: str, handler: Handler) -> Route:
        return Route(f"/v1{path}", self._served(path, handler), methods=[method])

    def _served(self, route: str, handler: Handler) -> Handler:
        """The handler within what every request passes."""
        within = self._gateway(self._with_errors(handler))

        async def counted(request: Request) -> Response:
            request.state.damaged = False
            response = await within(request)
            url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            complete = 200 <= response.status_code < 300 and not request.state.damaged
            owner = self._owner_of(request)
            seen = Seen(request.method, url, response.status_code, owner)
            self._counters.note(seen, route, complete=complete)
            return response

        return counted

    def _with_errors(self, handler: Handler) -> Handler:
        async def limited(request: Request) -> Response:
            try:
                self._limits.admit(self._owner_of(request))
                return await handler(request)
            except Refusal as refusal:
                return self._responses.error(refusal)

        return limited

    def _owner_of(self, request: Request) -> str:
        return self._service.tokens.owner_of(request.headers.get("Authorization"))

    def _endpoint(self, endpoint: Endpoint) -> Handler:
        """The token check, the layer, the endpoint."""

        async def answered(request: Request) -> Response:
            context = self._context(endpoint, request, await request.body())
            return self._response(request, context, endpoint.handler(context))

        within = self._backend(answered)

        async def authorized(request: Request) -> Response:
            token = self._service.tokens.check(
                request.headers.get("Authorization"), self._service.clock.now()
            )
            if token.is_integration or token.kind not in endpoint.kinds:
                raise Refusal(403, "The token has none of the scopes that this needs.")
            request.state.token = token
            return await within(request)

        return authorized

    def _context(self, endpoint: Endpoint, request: Request, body: bytes) -> RequestContext:
        service, token = self._service, request.state.token
        return RequestContext(
            index=service.index,
            kind=token.kind,
            caller=token.owner,
            now=service.clock.now(),
            query=dict(request.query_params),
            path_id=request.path_params.get("id", ""),
            token_expires_at=token.expires_at,
            webhooks=service.webhooks,
            changes=service.changes,
            media=service.media,
            tickets=service.tickets,
            port=request.headers.get("Host", "").partition(":")[2],
            longest_window_days=service.longest_window_days,
            body=_document(request, body, endpoint.takes) if endpoint.method in _SENDING else {},
        )

    def _response(self, request: Request, context: RequestContext, answer: Result) -> Response:
        if isinstance(answer, Text):
            return self._responses.text(answer.body, answer.content_type)
        if isinstance(answer, Item):
            return self._responses.json(answer.body)
        if isinstance(answer, NoContent):
            return self._responses.text("", JSON_TYPE, status=204)
        page = self._pager.page(context, request.url.path, answer)
        return self._responses.page(request, page)

    async def _token(self, request: Request) -> Response:
        """POST /access_token; its body is a form."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        service = self._service
        return self._responses.json(service.tokens.refresh(form, service.clock.now()))

    async def _service_app_token(self, request: Request) -> Response:
        """POST /applications/{id}/token, with the token of an integration."""
        tokens, now = self._service.tokens, self._service.clock.now()
        if not tokens.check(request.headers.get("Authorization"), now).is_integration:
            raise Refusal(403, "The token does not have the scope spark:applications_token.")
        document = _document(request, await request.body(), "application/json")
        application_id = request.path_params["id"]
        return self._responses.json(tokens.service_app_token(application_id, document, now))

    async def _unknown(self, request: Request) -> Response:
        # Without the version the real host answers 404 in the API's own words, too.
        head, version, path = request.url.path.partition("/v1")
        known = version and not head and any(endpoint.matches(path) for endpoint in ENDPOINTS)
        raise Refusal(405 if known else 404, "There is nothing of that kind.")


def _document(request: Request, body: bytes, takes: str) -> Json:
    """The JSON object of a request."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != takes:
        raise Refusal(415, f"The body must be {takes}.")
    try:
        return msgspec.json.decode(body, type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, "The body must be a JSON object.") from None
