"""Service apps of a sandbox, as settings and as credentials."""

from dataclasses import replace
from typing import Any

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.webex.credentials import CredentialNames, Credentials, ServiceApp

NAMES = CredentialNames("access_token", "APP_ID", "APP_SECRET", "refresh_token")
INTEGRATION_NAMES = CredentialNames("TOKEN", "TOKENS_ID", "TOKENS_SECRET", "TOKENS_REFRESH")


def service_app(webex: Sandbox, kind: Kind = "admin", **changed: Any) -> ServiceApp:
    """The credentials of a service app and of its integration, with these changes."""
    app = webex.service_app(kind)
    return replace(
        ServiceApp(
            app.application_id,
            app.target_org_id,
            app.client_id,
            app.client_secret,
            integration=Credentials(
                client_id=webex.client_id,
                client_secret=webex.client_secret,
                refresh_token=changed.pop("refresh_token", None) or webex.integration_grant(),
                names=INTEGRATION_NAMES,
            ),
            names=NAMES,
            section="[accounts.company]",
        ),
        **changed,
    )


def service_app_section(webex: Sandbox, name: str, kind: Kind = "admin") -> str:
    """The sections of the settings file; `service_app_variables` has its secrets."""
    app = webex.service_app(kind)
    return f"""
[accounts.{name}]
kind = "{kind}"
application_id = "{app.application_id}"
target_org_id = "{app.target_org_id}"
client_id = "env:APP_CLIENT_ID"
client_secret = "env:APP_CLIENT_SECRET"
[accounts.{name}.integration]
client_id = "env:TOKENS_CLIENT_ID"
client_secret = "env:TOKENS_CLIENT_SECRET"
refresh_token = "env:TOKENS_REFRESH_TOKEN"
"""


def service_app_variables(webex: Sandbox, kind: Kind = "admin") -> dict[str, str]:
    """The variables that the sections name."""
    app = webex.service_app(kind)
    return {
        "APP_CLIENT_ID": app.client_id,
        "APP_CLIENT_SECRET": app.client_secret,
        "TOKENS_CLIENT_ID": webex.client_id,
        "TOKENS_CLIENT_SECRET": webex.client_secret,
        "TOKENS_REFRESH_TOKEN": webex.integration_grant(),
    }
