"""The options of `sandbox`; what it serves is tested in meeting_etl_tests/sandbox/."""

from dataclasses import fields

import pytest
from click.testing import CliRunner

from meeting_etl.cli.sandbox import sandbox
from meeting_etl.sandbox.faults.faults import Faults


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--fault", "stalld=0.1"), "There is no fault 'stalld'; did you mean stalled?"),
        (("--fault", "weather"), "There is no fault 'weather'; --list-faults shows all names."),
        (("--fault", "locked=much"), "locked needs a value of the form 0..1, not 'much'."),
        (("--fault", "locked"), "locked needs a value of the form 0..1, not ''."),
        (("--fault", "locked=1.5"), "locked must be between 0 and 1, not 1.5."),
        (("--lost-deliveries", "-1"), "lost_deliveries must be between 0 and 1, not -1.0."),
        (("--latency-ms", "-1"), "latency_ms must be at least 0, not -1."),
        (("--fault", "burst=1.5"), "burst needs a value of the form INTEGER, not '1.5'."),
        (("--fault", "media_html=maybe"), "needs a value of the form true|false, not 'maybe'."),
        (
            ("--fault", "retry_after=soon"),
            "retry_after needs a value of the form integer|date|nonsense|html, not 'soon'.",
        ),
        (
            ("--fault", "meeting_status=403"),
            "meeting_status needs a value of the form ID:STATUS, not '403'.",
        ),
        (
            ("--fault", "meeting_status=x:200"),
            "meeting_status must have statuses from 400 to 599.",
        ),
        (("--latency-ms", "5", "--fault", "latency_ms=6"), "latency_ms is given twice."),
        (
            ("--fault", "locked=0.6", "--fault", "stalled=0.6"),
            "The shares of damaged responses add up to more than 1.",
        ),
    ],
)
def test_a_wrong_fault_ends_with_2_and_one_sentence(
    arguments: tuple[str, ...], sentence: str
) -> None:
    done = CliRunner().invoke(sandbox, arguments)
    assert done.exit_code == 2
    assert done.output.rstrip().endswith(sentence)


def test_the_list_has_every_fault_with_its_form_and_default() -> None:
    done = CliRunner().invoke(sandbox, ["--list-faults"])
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    for option in fields(Faults):
        if option.name != "seed":
            assert any(
                line.startswith(f"{option.name} ") and line.endswith(option.metadata["help"])
                for line in lines
            ), option.name
    assert any(line.startswith("stalled 0..1 0.0 Share") for line in lines)
    assert any(line.startswith("meeting_status ID:STATUS none ") for line in lines)


def test_help_shows_five_faults_and_the_way_to_the_others() -> None:
    shown = CliRunner().invoke(sandbox, ["--help"]).output
    for name in (
        "--latency-ms",
        "--requests-per-second",
        "--retry-after-seconds",
        "--access-token-seconds",
        "--lost-deliveries",
        "--fault NAME=VALUE",
        "--list-faults",
        "--fault-seed",
    ):
        assert name in shown
    assert len(shown.splitlines()) < 40
