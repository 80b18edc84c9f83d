"""Reading a report as a browser does."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


@dataclass
class Page(HTMLParser):
    """A report as a browser reads it."""

    path: Path
    text: str = ""
    data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)
    pictures: int = 0
    scripts: int = 0
    addresses: list[str] = field(default_factory=list)
    _inside: list[str] = field(default_factory=list)
    _section: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "section":
            self._section = values["id"] or ""
        self.pictures += tag == "svg"
        self.scripts += tag == "script"
        kind = "json" if values.get("type") == "application/json" else ""
        self._inside.append(kind or tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action"):
                self.addresses.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside[-1:] == ["json"]:
            self.data[self._section] = json.loads(data)["data"]["values"]
        elif self._inside[-1:] == ["pre"]:
            self.queries[self._section] = data
        elif self._inside[-1:] not in (["script"], ["style"]):
            self.text += data
