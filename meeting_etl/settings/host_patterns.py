"""Checks of hosts and sites in the settings file.

Belongs here: what is certainly a mistake in them. Does not: the sections that have them
(toml_file.py, accounts.py), matching (addresses.py).
"""


def check_hosts(patterns: tuple[str, ...]) -> None:
    """Shell patterns of e-mail addresses. One that can match nothing is a mistake."""
    check_not_empty("hosts", patterns)
    for pattern in patterns:
        if not set(pattern) & set("@*"):
            raise ValueError(
                f"hosts has {pattern!r}, which is not an e-mail address; for a whole domain write "
                f"'*@{pattern}'"
            )


def check_sites(sites: tuple[str, ...]) -> None:
    """Names of sites. One with other parts of an address is a mistake."""
    check_not_empty("sites", sites)
    for site in sites:
        if set(site) & set("/@:"):
            raise ValueError(
                f"sites has {site!r}, which is not a site: write it as in site_url, without "
                "https://"
            )


def check_not_empty(name: str, texts: tuple[str, ...]) -> None:
    """An empty text matches nothing."""
    if not all(text.strip() for text in texts):
        raise ValueError(f"{name} has an empty text")
