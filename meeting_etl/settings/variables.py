"""The environment variables, with their help texts.

Belongs here: their names. Does not: reading them (environment.py).
"""

VARIABLES = {
    "WEBEX_BASE_URL": "API base URL; default: https://webexapis.com/v1",
    "WEBEX_ACCESS_TOKEN": "access token; or set the next three",
    "WEBEX_CLIENT_ID": "OAuth client ID of the integration or service app",
    "WEBEX_CLIENT_SECRET": "its client secret",
    "WEBEX_REFRESH_TOKEN": "its refresh token; a new value replaces the stored one",
    "WEBEX_TOKEN_KIND": "user (default), admin or compliance",
    "WEBEX_REQUESTS_PER_MINUTE": (
        "rate limit of all processes together; default: 300;\n0 disables client-side rate limiting"
    ),
    "WEBEX_MAX_WAIT_SECONDS": "a longer Retry-After ends the run; default: 300",
    "WEBEX_WEBHOOK_SECRET": "secret of the webhooks, used to verify signatures",
    "WEBEX_WEBHOOK_SECRET_PREVIOUS": "old secret, accepted while you change it",
    "MEETING_ETL_SETTINGS": "path of a TOML file with all other settings",
    "MEETING_ETL_DATA_DIR": "data folder; default: ./data",
}
