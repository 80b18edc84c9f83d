"""Products with several accounts, as users configure them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.times import Clock
from meeting_etl_tests.product import Product


@dataclass(frozen=True)
class Own:
    """An account of one owner; `keys` are further lines of its section."""

    kind: Kind
    owner: str | None = None
    keys: str = ""


ADMIN, OFFICER = Own("admin"), Own("compliance")


def several(
    folder: Path,
    webex: Sandbox,
    accounts: Mapping[str, Own],
    clock: Clock | None = None,
    settings: str = "",
) -> Product:
    """A product whose settings file has these accounts; their tokens are in variables."""
    file = folder.with_name(f"{folder.name}.toml")
    file.write_text(settings + "".join(_section(name, own) for name, own in accounts.items()))
    more = {
        "WEBEX_ACCESS_TOKEN": "",
        "WEBEX_TOKEN_KIND": "",
        "MEETING_ETL_SETTINGS": str(file),
        **{_variable(name): webex.token(own.kind, own.owner) for name, own in accounts.items()},
    }
    return Product(folder, webex, clock=clock or Clock(), more=more)


def user(owner: str) -> Own:
    """A host's own account, asked about the meetings of this host."""
    return Own("user", owner, f'hosts = ["{owner}"]\n')


def _section(name: str, own: Own) -> str:
    token = f'access_token = "env:{_variable(name)}"\n'
    return f'[accounts.{name}]\nkind = "{own.kind}"\n{token}{own.keys}'


def _variable(name: str) -> str:
    return f"TOKEN_{name.upper().replace('-', '_')}"
