"""Which optional resources the settings enable.

Belongs here: the setting of each. Does not: what switching one on does to work items
(pipeline/ledger/newly_enabled.py).
"""

from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.schemas import INVITEES, MEETING_SUMMARIES, RECORDING_FILES, TRANSCRIPT_FILES
from meeting_etl.settings.environment import Settings


def switched_on(settings: Settings) -> frozenset[str]:
    """Optional resources that are enabled."""
    switches = {
        INVITEES.name: settings.invitees,
        MEETING_SUMMARIES.name: settings.summaries,
        RECORDING_FILES.name: settings.downloads.kinds,
        TRANSCRIPT_FILES.name: settings.transcript_formats,
    }
    return OPTIONAL & {name for name, is_on in switches.items() if is_on}
