"""Rule 3: what is not Webex settles nothing, and after the mend the next run gets everything."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.orchestration.run_summary import RunSummary
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.webex.servers import Reply, running

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
HTML = {"Content-Type": "text/html"}
# What answers every request in the place of Webex.
IMPOSTORS = {
    "a host that is not Webex": Reply(b"<html>404 Not Found</html>", 404, HTML),
    "a gateway": Reply(b"<html>Forbidden</html>", 403, HTML),
    "a proxy that wants a login": Reply(b"<html>Sign in</html>", 401, HTML),
    "a host that gave up": Reply(b"", 410),
    "an API of another kind": Reply({"message": "no Route matched with those values"}, 404),
    "a portal": Reply(b"<html>Welcome</html>", 200, HTML),
    "a redirect": Reply(b"", 302, {"Location": "https://login.corvane.example/"}),
}
# A refusal without Webex's words, one in JSON of others, and no refusal at all.
_QUICK = ("a gateway", "an API of another kind")


@pytest.fixture(
    params=[
        "user",
        pytest.param("admin", marks=pytest.mark.slow),
        pytest.param("compliance", marks=pytest.mark.slow),
    ]
)
def product(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Product]:
    clock, kind = ManualClock(NOW), request.param
    world = sized_world(1, NOW, meetings=1, participants=2, snippets=3)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, kind, clock=clock)
        product.write_logs()
        yield product


def items(product: Product) -> list[tuple[str, bool]]:
    etl = product.etl()
    return [
        (item.status, item.settled) for day in etl.ledger.days() for item in etl.ledger.items(day)
    ]


def sentence(outcome: RunSummary) -> str:
    return " ".join(text for _, text in outcome.failures)


def assert_nothing_settled_and_all_comes_after_the_mend(
    product: Product, base_url: str, *, meetings: int = 1
) -> None:
    wrong = Product(
        product.folder, product.webex, product.kind, product.clock, {"WEBEX_BASE_URL": base_url}
    )
    assert "does not look like the Webex API: check WEBEX_BASE_URL" in sentence(wrong.run())
    assert not any(settled for _, settled in items(product))
    # No waiting for a retry: nothing was asked of Webex as yet.
    outcome = product.run()
    assert (outcome.failures, outcome.failed_items) == ([], 0)
    assert len(product.rows("participants")) == 2 * meetings
    assert len(product.rows("transcript_snippets")) == 3 * meetings


@pytest.mark.parametrize(
    "impostor",
    [
        pytest.param(name, marks=[] if name in _QUICK else pytest.mark.slow, id=name)
        for name in IMPOSTORS
    ],
)
def test_one_meeting_asked_of_what_is_not_webex_settles_nothing(
    product: Product, impostor: str
) -> None:
    with running(lambda seen: IMPOSTORS[impostor]) as server:
        assert_nothing_settled_and_all_comes_after_the_mend(product, server.url)


def test_a_base_url_without_the_version_settles_nothing(product: Product) -> None:
    base_url = product.webex.base_url.removesuffix("/v1")
    assert_nothing_settled_and_all_comes_after_the_mend(product, base_url)


def many(tmp_path: Path, webex: Sandbox, clock: ManualClock, kind: Kind = "user") -> Product:
    product = Product(tmp_path, webex, kind, clock=clock)
    product.write_logs()
    return product


@pytest.mark.parametrize(
    "impostor", ["a gateway", pytest.param("an API of another kind", marks=pytest.mark.slow)]
)
def test_many_meetings_asked_of_what_is_not_webex_settle_nothing(
    tmp_path: Path, impostor: str
) -> None:
    clock = ManualClock(NOW)
    world = sized_world(1, NOW, meetings=30, participants=2, snippets=3)
    with Sandbox(world, clock) as webex, running(lambda seen: IMPOSTORS[impostor]) as server:
        product = many(tmp_path, webex, clock)
        assert_nothing_settled_and_all_comes_after_the_mend(product, server.url, meetings=30)


def test_a_listing_that_is_not_found_is_no_statement_about_the_meeting(tmp_path: Path) -> None:
    """The case w1: at the deadline the transcripts are absent, they are not gone."""
    clock = ManualClock(NOW)
    world = sized_world(1, NOW, meetings=1, participants=2, snippets=3)
    refusal = Reply({"message": "The resource could not be found.", "trackingId": "R_1"}, 404)
    with Sandbox(world, clock) as webex:
        product = many(tmp_path, webex, clock, "compliance")
        with running(lambda seen: Reply() if "people" in seen.path else refusal) as server:
            more = {"WEBEX_BASE_URL": server.url}
            wrong = Product(tmp_path, webex, "compliance", clock, more)
            for _ in range(2):
                assert wrong.run().failures == []
                clock.advance(days=4)
            found = {row["resource"]: row for row in product.rows("fetch_ledger")}
    for resource in ("recordings", "participants", "transcripts"):
        row = found[resource]
        assert (row["status"], row["reason"]) == ("absent", "deadline_passed"), resource
        assert row["settled"]
    assert found["meeting"]["status"] == "gone", "that one was asked for by its id"


@pytest.mark.slow
def test_a_listing_that_is_not_found_proves_no_deletion(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    world = sized_world(1, NOW, meetings=1, participants=2, snippets=3)
    refusal = Reply({"message": "The resource could not be found.", "trackingId": "R_1"}, 404)
    with Sandbox(world, clock) as webex:
        product = many(tmp_path, webex, clock)
        product.run()
        before = product.rows("recordings"), product.rows("transcript_snippets")
        assert before[0]
        with running(lambda seen: Reply() if "people" in seen.path else refusal) as server:
            wrong = Product(tmp_path, webex, "user", clock, {"WEBEX_BASE_URL": server.url})
            day = product.etl().ledger.days()[0]
            clock.advance(days=9)
            wrong.etl().ledger.reopen([day], lambda item: item.resource == "recordings")
            wrong.run()
        assert (product.rows("recordings"), product.rows("transcript_snippets")) == before
        (row,) = [row for row in product.rows("fetch_ledger") if row["resource"] == "recordings"]
        assert (row["status"], row["reason"]) == ("ready", "no_longer_listed")


def refusing_transcripts(
    tmp_path: Path, status: int, clock: ManualClock
) -> tuple[Counter[tuple[str, ...]], list[str]]:
    """What becomes of 30 meetings, all of whose listings of transcripts are refused."""
    world = sized_world(1, NOW, meetings=30, participants=1, snippets=1)
    refusal = Reply({"message": "Not for this meeting.", "trackingId": "R_1"}, status)
    with Sandbox(world, clock) as webex:
        product = many(tmp_path, webex, clock, "admin")
        with running(lambda seen: refusal if "Transcripts" in seen.path else Reply()) as server:
            more = {"WEBEX_BASE_URL": server.url}
            outcome = Product(tmp_path, webex, "admin", clock, more).run()
        found = [row for row in product.rows("fetch_ledger") if row["resource"] == "transcripts"]
    return Counter((row["status"], row["reason"]) for row in found), outcome.notices


@pytest.mark.slow
def test_a_resource_that_is_not_found_twenty_times_is_not_asked_on(tmp_path: Path) -> None:
    found, notices = refusing_transcripts(tmp_path, 404, ManualClock(NOW))
    assert found["failed", "not_the_api"] == 10
    sentence = "This does not look like the Webex API: check WEBEX_BASE_URL."
    assert [notice for notice in notices if notice.endswith(sentence)]


def test_a_resource_that_is_forbidden_twenty_times_is_not_asked_on(tmp_path: Path) -> None:
    found, notices = refusing_transcripts(tmp_path, 403, ManualClock(NOW))
    assert found == {("forbidden", "refused"): 20, ("failed", "scope"): 10}
    assert [notice for notice in notices if "which scope is missing" in notice]


@pytest.mark.parametrize("status", [404, pytest.param(410, marks=pytest.mark.slow)])
def test_a_gateways_404_proves_no_deletion_and_removes_nothing(tmp_path: Path, status: int) -> None:
    """The recordings are not listed any more; what a gateway says of their ids is no proof."""
    clock = ManualClock(NOW)
    world = sized_world(1, NOW, meetings=1, participants=2, snippets=3)
    settings = tmp_path / "settings.toml"
    settings.write_text("[privacy]\nhonour_deletes = true\n")
    page = Reply(b"<html>Gone</html>", status, HTML)
    with Sandbox(world, clock) as webex:
        honouring = {"MEETING_ETL_SETTINGS": str(settings)}
        product = Product(tmp_path / "data", webex, "user", clock, honouring)
        product.write_logs()
        product.run()
        said = product.rows("transcript_snippets")
        with running(lambda seen: page if is_by_id(seen.path) else Reply()) as server:
            wrong = Product(
                product.folder, webex, "user", clock, honouring | {"WEBEX_BASE_URL": server.url}
            )
            days = product.etl().ledger.days()
            wrong.etl().ledger.reopen(
                days, lambda one: one.resource in ("recordings", "transcripts")
            )
            wrong.run()
            assert [seen for seen in server.seen if is_by_id(seen.path)]
        for name in ("recordings", "transcripts"):
            (row,) = product.rows(name)
            assert (row["status"], row["deleted_at"], row["deletion_proof"]) == (
                "unlisted",
                None,
                None,
            )
        assert product.rows("transcript_snippets") == said


def is_by_id(path: str) -> bool:
    """Whether one recording or transcript is asked for, or what belongs to it."""
    return path.startswith(("/v1/recordings/", "/v1/meetingTranscripts/"))
