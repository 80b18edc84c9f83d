"""Which meetings are to be recorded automatically.

Belongs here: the lists of the settings section [auto_record] and what they match. Does not: reading
settings (settings/environment.py), switching recording on (auto_record.py).
"""

import hashlib
import json
from dataclasses import dataclass, replace

from meeting_etl.texts import first_match


@dataclass(frozen=True)
class Policy:
    """A meeting is recorded when any line of any list matches; without lines nothing is.

    Lines are shell patterns, ignoring case, for the host's e-mail address, the Webex site, and the
    title. `dry_run`: decide, but change nothing at Webex.
    """

    hosts: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def is_on(self) -> bool:
        """Whether anything can match."""
        return bool(self.hosts or self.sites or self.titles)

    @property
    def id(self) -> str:
        """A digest of the lines: when it changes, meetings without a match are decided on again."""
        lines = json.dumps([self.hosts, self.sites, self.titles])
        return hashlib.sha256(lines.encode()).hexdigest()[:12]

    def line_for(
        self, *, host_email: str | None, site_url: str | None, title: str | None
    ) -> str | None:
        """The first line that matches, as `hosts: *@sales.example`; None when none does."""
        lists = (
            ("hosts", self.hosts, host_email),
            ("sites", self.sites, site_url),
            ("titles", self.titles, title),
        )
        for name, patterns, value in lists:
            if pattern := first_match(value, patterns):
                return f"{name}: {pattern}"
        return None

    def rules_out(self, *, host_email: str | None, site_url: str | None) -> bool:
        """Whether no line can match, whatever the title; False when that is not known yet."""
        unknown = self.titles or (self.hosts and not host_email) or (self.sites and not site_url)
        return not unknown and not self.line_for(
            host_email=host_email, site_url=site_url, title=None
        )

    def as_dry_run(self) -> "Policy":
        """The same lines, as a dry run."""
        return replace(self, dry_run=True)
