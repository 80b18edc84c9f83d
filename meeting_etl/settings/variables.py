"""The environment variables, with their help texts.

Belongs here: their names. Does not: reading them (environment.py).
"""

# Short enough for a terminal of 80 columns.
VARIABLES = {
    "WEBEX_BASE_URL": "default: https://webexapis.com/v1",
    "WEBEX_ACCESS_TOKEN": "access token; or set the next three",
    "WEBEX_CLIENT_ID": "client ID of an integration or service app",
    "WEBEX_CLIENT_SECRET": "its client secret",
    "WEBEX_REFRESH_TOKEN": "its refresh token",
    "WEBEX_TOKEN_KIND": "user (default), admin or compliance",
    "WEBEX_REQUESTS_PER_MINUTE": "default: 300; 0: no client-side limit",
    "WEBEX_MAX_WAIT_SECONDS": "longest Retry-After to wait for; default: 300",
    "WEBEX_WEBHOOK_SECRET": "secret of the webhooks; verifies signatures",
    "WEBEX_WEBHOOK_SECRET_PREVIOUS": "old secret, accepted while you change it",
    "MEETING_ETL_ALERT_WEBHOOK_URL": "where alerts are posted, as Slack takes them",
    "MEETING_ETL_SMTP_PASSWORD": "password of [alerts] smtp_user",
    "MEETING_ETL_PRIVACY_KEY": "key of pseudonyms; default: a file in state/",
    "MEETING_ETL_STATE": "PostgreSQL for several machines; default: files",
    "MEETING_ETL_SETTINGS": "path of a TOML file with all other settings",
    "MEETING_ETL_DATA_DIR": "folder or s3://bucket/folder; default: ./data",
    "MEETING_ETL_WORK_DIR": "local folder beside a bucket; default: ./data",
    "MEETING_ETL_TENANTS": "TOML file with several tenants",
    "MEETING_ETL_TENANT": "which of them a command works on",
}

WEBHOOK_SECRETS = ("WEBEX_WEBHOOK_SECRET", "WEBEX_WEBHOOK_SECRET_PREVIOUS")
SECRETS = (
    "WEBEX_ACCESS_TOKEN",
    "WEBEX_CLIENT_SECRET",
    "WEBEX_REFRESH_TOKEN",
    *WEBHOOK_SECRETS,
    "MEETING_ETL_ALERT_WEBHOOK_URL",
    "MEETING_ETL_SMTP_PASSWORD",
    "MEETING_ETL_PRIVACY_KEY",
)
"""Those whose values nobody may see; so is the password in MEETING_ETL_STATE."""
