"""The demo world: a sales team over two weeks."""

from datetime import datetime

from meeting_etl.sandbox.model import World


def demo_world(seed: int, until: datetime, *, days: int = 14, meetings: int = 300) -> World:
    """Comes in the next commit."""
    raise NotImplementedError
