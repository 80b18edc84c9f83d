"""Walking a sandbox over real HTTP with plain requests, as a stranger would."""

import re
from collections.abc import Iterator
from typing import Any

import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind

Json = dict[str, Any]


class Walker:
    """Asks one sandbox as one kind of token."""

    def __init__(self, webex: Sandbox, kind: Kind) -> None:
        self.base_url = webex.base_url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {webex.token(kind)}"

    def __enter__(self) -> "Walker":
        return self

    def __exit__(self, *details: object) -> None:
        self._session.close()

    def get(self, path: str, **query: object) -> requests.Response:
        """One answer; names of parameters that are Python's own end in an underscore."""
        query = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        return self._session.get(self.base_url + path, params=query, timeout=60)  # type: ignore[arg-type]

    def send(self, method: str, path: str, body: Json | None = None) -> requests.Response:
        """One answer to something else than GET."""
        return self._session.request(method, self.base_url + path, json=body, timeout=60)

    def status(self, path: str, **query: object) -> int:
        return self.get(path, **query).status_code

    def item(self, path: str, **query: object) -> Json:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def pages(self, path: str, **query: object) -> Iterator[requests.Response]:
        answer = self.get(path, **query)
        yield answer
        while link := answer.links.get("next"):
            answer = self._session.get(link["url"], timeout=60)
            yield answer

    def items(self, path: str, **query: object) -> list[Json]:
        """All items of all pages."""
        found: list[Json] = []
        for answer in self.pages(path, **query):
            assert answer.status_code == 200, answer.text
            found.extend(answer.json()["items"])
        return found


def cursor_of(answer: requests.Response) -> str:
    """The cursor of the next link."""
    found = re.search(r"cursor=([^&>]+)", answer.headers["Link"])
    assert found
    return found[1]
