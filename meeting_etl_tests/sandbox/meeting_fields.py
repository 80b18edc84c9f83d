"""The query for ended meetings, and fields that a response shows only to a host."""

ENDED = {"meetingType": "meeting", "state": "ended"}
SECRETS = {
    "password",
    "phoneAndVideoSystemPassword",
    "hostKey",
    "sipAddress",
    "dialInIpAddress",
    "telephony",
}
