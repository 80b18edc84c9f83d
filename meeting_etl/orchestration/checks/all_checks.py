"""The list of all asset checks.

Belongs here: which there are. Does not: what they check (the other modules of this folder).
"""

from meeting_etl.orchestration.checks.metrics_check import metrics_current
from meeting_etl.orchestration.checks.webhook_checks import webhooks_complete, webhooks_registered

CHECKS = [webhooks_registered, webhooks_complete, metrics_current]
