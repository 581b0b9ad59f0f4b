"""Documents of JSON and TOML that are hardly any: refused in one line by every reader of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run

from fencepost.bench.baselines import stored_samples
from fencepost.bench.layouts.description import read_description
from fencepost.model.errors import WORD_MOST, InputError, shortened
from fencepost.model.explorer.search.exploration import Limits
from fencepost.model.itf import parsed
from fencepost.model.simulation.batches.pipeline import longest_still_ns
from fencepost.model.simulation.machine_costs import MachineCosts, calibrated
from fencepost.model.simulation.scenario import Scenario, parse_scenario, read_scenario

READERS: dict[str, Callable[[Path], object]] = {
    "scenario": read_scenario,
    "layout": lambda path: read_description(str(path)),
    "trace": parsed,
    "calibration": lambda path: calibrated(MachineCosts(), path),
    "baseline": lambda path: stored_samples(path, {}, quick=True, anyway=False),
}
HARDLY = {
    "a number of 5,000 digits": "a = " + "9" * 5_000,
    "the same in JSON": '{"results": ' + "9" * 5_000 + "}",
    "10,000 brackets": "a = " + "[" * 10_000 + "]" * 10_000,
    "the same in JSON 2": '{"results": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "no text": "\xff\xfe",
    "nothing": "",
    "a list": "[]",
    "a number": "3",
    "a number no double holds": '{"results": 1e999999}',
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", HARDLY)
def test_whatever_a_document_holds_it_is_read_or_refused_in_one_line(what: str, reader: str, tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(HARDLY[what].encode("latin-1"))
    if (reader, what) == ("scenario", "nothing"):
        return  # every key has a default
    with pytest.raises(InputError) as raised:
        READERS[reader](path)
    told = shortened(str(raised.value))
    assert str(path) in told
    assert "\n" not in told
    assert len(told) < 400


def test_a_word_that_is_too_long_for_a_reader_is_shortened_in_every_message() -> None:
    ended = run("prove", "x" * 5_000)
    assert ended.returncode == 2
    assert "characters)..." in ended.stderr
    assert max(map(len, ended.stderr.split())) <= WORD_MOST


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[brokers]\ncount = 1_000_000_000", "brokers.count"),
        ("[brokers]\nring_slots = 1_000_000_000_000", "brokers.ring_slots"),
        ("[clients]\ncount = 1_000_000_000", "clients.count"),
        ("[clients]\nmessages_per_batch = 1_000_000_000", "clients.messages_per_batch"),
        ("replications = 1_000_000_000", "replications"),
        ("duration = '1_000_000 s'".replace("_", ""), "duration"),
        ("duration = '80000 s'", "clients.rate x clients.count x duration"),
        ("loads = [1e9]", "loads"),
    ],
)
def test_sizes_that_cannot_be_simulated_are_refused_with_the_limit_before_anything_is_made(text: str, key: str) -> None:
    with pytest.raises(InputError, match=rf"scenario: {key} is .*(at most|1 to 1000)"):
        parse_scenario(text)


def test_a_time_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="the time is nan s"):
        Limits(seconds=float("nan"))
    for verb in ("check", "explore", "litmus", "mutants", "prove"):
        ended = run(verb, "--timeout", "nan")
        assert (ended.returncode, "nan is no number" in ended.stderr) == (2, True), verb


def test_how_long_a_run_may_stand_still_grows_with_all_that_a_batch_may_wait_for() -> None:
    plain = longest_still_ns(Scenario())
    for text, more_ns in (
        ("[clients]\nretransmit_after = '3 ms'", 3_000_000),
        ("[brokers]\nack_poll = '1 ms'", 1_000_000),
        ("[ordering]\nepoch = '10 ms'", 2 * (10_000_000 - 100_000)),
        ("[subscribers]\nservice = '1 ms'", 20_000_000),
        ("[[faults]]\nkind = 'broker_pause'\nat = '1 ms'\nlasts = '7 ms'", 7_000_000),
    ):
        assert longest_still_ns(parse_scenario(text)) == plain + more_ns
