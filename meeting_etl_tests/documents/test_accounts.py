"""The recipes of docs/accounts.md are settings that can be copied."""

import re
from pathlib import Path

import pytest

from meeting_etl.settings import Etl

ROOT = Path(__file__).parents[2]
RECIPES = re.findall(r"```toml\n(.+?)```", (ROOT / "docs/accounts.md").read_text(), re.DOTALL)
KINDS = [{"imogen": "user", "bastian": "user"}, {"admin": "admin", "officer": "compliance"}]
# A service app in the place of an administrator.
KINDS.append({"company": "admin"})


@pytest.mark.parametrize(("recipe", "kinds"), [*zip(RECIPES, KINDS, strict=True)])
def test_a_recipe_gives_its_accounts(tmp_path: Path, recipe: str, kinds: dict[str, str]) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(recipe)
    for path in re.findall(r'"file:(.+?)"', recipe):
        secret = tmp_path / path
        secret.parent.mkdir(exist_ok=True)
        secret.write_text("from-a-file\n")
        secret.chmod(0o600)
    variables = dict.fromkeys(re.findall(r'"env:(\w+)"', recipe), "from-a-variable")
    etl = Etl({"MEETING_ETL_SETTINGS": str(settings), **variables})
    assert {account.name: account.kind for account in etl.settings.accounts} == kinds
    etl.check_tokens()
