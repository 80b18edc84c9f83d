"""A fake Webex that grants tokens, and responds 401 to those that are not valid."""

import threading
import time
from collections.abc import Callable
from typing import Any

from meeting_etl.webex.credentials import Credentials
from meeting_etl_tests.webex.servers import Act, Reply, Seen

CONFIGURED = Credentials(
    client_id="client-id", client_secret="client-secret", refresh_token="refresh-0"
)


DAY = 86_400


class GrantingWebex:
    """Grants access-1, access-2 … and responds 401 to every token that is not valid."""

    def __init__(self, *, expires_in: object = 14 * DAY, rotating: bool = True) -> None:
        self.expires_in = expires_in
        self.rotating = rotating
        self.grants = 0
        self.grant_seconds = 0.0
        self.valid: Callable[[str], bool] = lambda token: True
        self.before_answer: Callable[[Seen], None] = lambda seen: None
        self.grant_acts: list[Act] = []
        self._granting = threading.Lock()

    def __call__(self, seen: Seen) -> Act:
        if seen.path == "/v1/access_token":
            return self._grant()
        self.before_answer(seen)
        token = (seen.headers["Authorization"] or "").removeprefix("Bearer ")
        return Reply({"you": token}) if self.valid(token) else Reply({"message": "no"}, 401)

    def _grant(self) -> Act:
        time.sleep(self.grant_seconds)
        with self._granting:
            self.grants += 1
            if self.grant_acts:
                return self.grant_acts.pop(0)
            answer: dict[str, Any] = {
                "access_token": f"access-{self.grants}",
                "expires_in": self.expires_in,
                "token_type": "Bearer",
                "refresh_token_expires_in": 90 * DAY,
            }
            if self.rotating:
                answer["refresh_token"] = f"refresh-{self.grants}"
            return Reply(answer)
