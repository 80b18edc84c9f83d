"""Sending an alert: a POST of {"text": …} to a webhook, which Slack and others take, and e-mail.

Belongs here: one attempt for each channel. Does not: what an alert says (failed_runs.py), when it
is sent (alert_sensor.py).
"""

import json
import smtplib
import ssl
import urllib.request
from email.message import EmailMessage

from meeting_etl.errors import MeetingEtlError
from meeting_etl.orchestration.alerts.failed_runs import Alert
from meeting_etl.settings.alerts import SMTP_PASSWORD, WEBHOOK_URL, Alerts, Mail

_TIMEOUT_SECONDS = 10


class NotSent(MeetingEtlError):
    """A channel did not take an alert; the text does not quote its address."""


def send(alert: Alert, alerts: Alerts) -> None:
    """Send an alert to all channels. Raises NotSent if none of them took it."""
    problems, sent = [], 0
    for channel in (_post, _mail):
        try:
            sent += channel(alert, alerts)
        except NotSent as error:
            problems.append(str(error))
    if problems and not sent:
        raise NotSent(" ".join(problems))


def _post(alert: Alert, alerts: Alerts) -> bool:
    if alerts.webhook_url is None:
        return False
    request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
        alerts.webhook_url,
        data=json.dumps({"text": alert.text}).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - as above
            return True
    except OSError as error:
        reason = getattr(error, "code", None) or type(getattr(error, "reason", error)).__name__
        raise NotSent(f"The alert could not be posted ({reason}): check {WEBHOOK_URL}.") from None


def _mail(alert: Alert, alerts: Alerts) -> bool:
    mail = alerts.mail
    if mail is None:
        return False
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        alert.subject,
        mail.sender,
        ", ".join(mail.to),
    )
    message.set_content(alert.text)
    try:
        with _connected(mail) as server:
            if mail.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if mail.user:
                server.login(mail.user, mail.password or "")
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(
            f"The alert could not be sent by e-mail ({type(error).__name__}): check [alerts] and "
            f"{SMTP_PASSWORD}."
        ) from None
    return True


def _connected(mail: Mail) -> smtplib.SMTP:
    if mail.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=_TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(mail.host, mail.port, timeout=_TIMEOUT_SECONDS)
