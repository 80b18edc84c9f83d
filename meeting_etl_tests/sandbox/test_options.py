"""Faults as text."""

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.options import described, parsed


def test_every_kind_of_value_can_be_written() -> None:
    faults = Faults(
        **parsed(
            [
                "latency-ms=5",
                "requests_per_second=2.5",
                "stalled = 0.1",
                "media_html",
                "changed_media=true",
                "no_people_scope=false",
                "retry_after=date",
                "refuse_refresh_after=-1",
                "meeting_status=a_I_1:403",
                "meeting_status=b:410",
            ]
        )
    )
    assert faults == Faults(
        latency_ms=5,
        requests_per_second=2.5,
        stalled=0.1,
        media_html=True,
        changed_media=True,
        retry_after="date",
        meeting_status={"a_I_1": 403, "b": 410},
    )


def test_every_default_can_be_written_as_it_is_shown() -> None:
    texts = [f"{row.name}={row.default}" for row in described() if row.name != "meeting_status"]
    assert Faults(**parsed(texts)) == Faults()
