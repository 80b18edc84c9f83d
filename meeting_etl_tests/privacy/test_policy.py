import pytest

from meeting_etl.privacy.policy import DROP, HASH, KEEP, ColumnPolicy, personal_columns, policy_of
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, TRANSCRIPT_SNIPPETS, WEBHOOK_EVENTS


def test_the_preset_none_keeps_everything_and_has_no_stamp() -> None:
    policy = policy_of("none", {})
    assert policy.keeps_all
    assert not policy.hashes
    assert {policy.of(name) for name in personal_columns()} == {KEEP}
    assert policy.stamp(MEETINGS) == ""


@pytest.mark.parametrize(
    ("preset", "treatments"),
    [
        ("pseudonymous", {"email": HASH, "person_name": HASH, "host_user_id": HASH, "text": KEEP}),
        ("minimal", {"email": HASH, "person_name": HASH, "host_display_name": DROP, "text": DROP}),
    ],
)
def test_presets(preset: str, treatments: dict[str, str]) -> None:
    policy = policy_of(preset, {})
    assert {name: policy.of(name) for name in treatments} == treatments


def test_single_columns_over_a_preset() -> None:
    policy = policy_of("pseudonymous", {"title": "drop", "email": "keep"})
    assert (policy.of("title"), policy.of("email"), policy.of("host_email")) == (DROP, KEEP, HASH)
    assert policy.description == "preset pseudonymous, with email = keep, title = drop"


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"e_mail": "drop"}, "columns has 'e_mail', which is not a personal column; these are: "),
        ({"meeting_id": "drop"}, "columns has 'meeting_id', which is not a personal column"),
        ({"text": "hash"}, "columns has text = 'hash', but texts can only be kept or dropped"),
    ],
)
def test_what_is_not_allowed(columns: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match="columns has") as refused:
        policy_of("none", columns)
    assert str(refused.value).startswith(sentence)


def test_links_are_dropped_unless_they_are_stored() -> None:
    assert ColumnPolicy().of("playback_url") is DROP
    assert ColumnPolicy(stores_links=True).of("playback_url") is KEEP


def test_a_stamp_changes_with_the_columns_of_its_table_alone() -> None:
    none, text = policy_of("none", {}), policy_of("none", {"text": "drop"})
    assert text.stamp(TRANSCRIPT_SNIPPETS) != none.stamp(TRANSCRIPT_SNIPPETS)
    # A payload may have any field; work items have nothing personal.
    assert text.stamp(WEBHOOK_EVENTS) != none.stamp(WEBHOOK_EVENTS)
    assert text.stamp(FETCH_LEDGER) == none.stamp(FETCH_LEDGER) == ""
