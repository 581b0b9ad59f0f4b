"""Contention and the rule about it, settings one at a time, profiles, and counted kernels."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import fencepost.native
from fencepost.bench import ablate, contention, kernels, profile
from fencepost.bench.decisions import ablation as ablating
from fencepost.bench.decisions.ablation import settings
from fencepost.bench.decisions.contended_loads import Gain, Load, Setup, Side, advice, counted
from fencepost.bench.decisions.contention import (
    COUNTED_CLIENTS,
    NATIVE_SETTINGS,
    Contention,
    Threshold,
    simulated_setups,
)
from fencepost.bench.decisions.profile import stages_of
from fencepost.bench.kernels import KERNELS, baseline_file
from fencepost.bench.statistics.figures import figure
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.native.counting import count_scan
from fencepost.native.racing import RaceOptions

NEEDS_VALGRIND = pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind on the path")


def load(contended_per_s: float, gain: Gain) -> Load:
    return Load(Setup(16, 2), "native", Side(1e6, contended_per_s / 1e6, 3.0), Side(1e6, 0.0, 2.0), gain, None)


def test_one_scanner_meets_nobody_and_takes_a_lock_for_each_batch() -> None:
    (alone,) = count_scan("order4.mutex", ring_count=1, batch_count=1 << 12)
    assert (alone.locks_contended, alone.exchanges_failed, alone.claims_lost) == (0, 0, 0)
    assert alone.locks >= alone.batch_count


@pytest.mark.parametrize("name", ["order5.fetch_add", "order4.claim"])
def test_what_has_no_lock_takes_none(name: str) -> None:
    assert sum(each.locks for each in count_scan(name, ring_count=2, batch_count=1 << 12)) == 0


def test_a_claim_is_an_exchange_for_each_batch() -> None:
    scans = count_scan("order4.claim", ring_count=2, batch_count=1 << 12)
    assert sum(each.exchanges - each.exchanges_failed for each in scans) >= sum(each.batch_count for each in scans)


@pytest.mark.parametrize("name", ["order4.mutex", "order4.claim"])
def test_a_client_in_two_hands_moves_its_line_for_every_batch(name: str) -> None:
    """Its batches are in both rings by turns, so each finds the word as the other scanner left it."""
    scans = count_scan(name, ring_count=2, batch_count=1 << 10, client_count=1, follows_lines=True)
    assert sum(each.line_transfers for each in scans) >= (1 << 10) - 1
    (alone,) = count_scan(name, ring_count=1, batch_count=1 << 10, client_count=1, follows_lines=True)
    assert alone.line_transfers == 0
    assert sum(each.line_transfers for each in count_scan(name, ring_count=2, batch_count=1 << 10)) == 0  # not asked


def test_what_two_owners_read_moves_at_most_once_and_no_word_of_a_client_does() -> None:
    """Both workers of order4.owner read every slot, the second one from the first; a client has one owner.

    How many move is up to the threads: a worker that is done before the other begins leaves nothing noted.
    """
    scans = count_scan("order4.owner", ring_count=2, batch_count=1 << 14, client_count=1, follows_lines=True)
    assert sum(each.line_transfers for each in scans) < 1.02 * (1 << 14)


@pytest.mark.parametrize("skew", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("ring_count", [1, 2])
@pytest.mark.parametrize("name", ["order4.mutex", "order4.claim", "order4.owner", "order5.epoch"])
def test_skewed_clients_are_all_ordered(name: str, ring_count: int, skew: float) -> None:
    """Counted natively: a batch that was not ordered would have raised."""
    scans = count_scan(name, ring_count=ring_count, batch_count=1 << 12, client_count=64, skew=skew)
    assert sum(each.batch_count for each in scans) == 1 << 12


def test_the_more_a_client_sends_the_more_its_line_moves() -> None:
    even, skewed = (counted(Setup(256, 2, skew=each), quick=True) for each in (0.0, 4.0))
    assert skewed.locked.transfers_per_batch > even.locked.transfers_per_batch
    assert skewed.locked.transfers_per_s > 0


@pytest.mark.parametrize("skew", [-1.0, 8.5, float("nan"), float("inf")])
def test_a_skew_that_is_none_is_refused(skew: float) -> None:
    with pytest.raises(InputError, match="skew is "):
        count_scan("order4.mutex", skew=skew)
    with pytest.raises(InputError, match="skew is "):
        contention(skews=(skew,))


def test_one_thing_is_varied_at_a_time_at_the_same_total() -> None:
    setups = simulated_setups((1_000, 10_000), (1, 8), (2,), (1.0,))
    base = setups[1]
    assert (base.clients, base.scanners, base.skew, base.rate) == (4, 4, 0.0, 10_000)
    for each in setups[2:]:
        differing = [name for name in ("clients", "scanners", "skew") if getattr(each, name) != getattr(base, name)]
        assert len(differing) == 1
        assert each.rate is not None
        assert each.clients * each.rate == 40_000
    assert simulated_setups((1_000,), (4,), (4,), (0.0,)) == [Setup(4, 4, 0.0, 1_000)]
    assert simulated_setups((), (), (), (1.0,)) == [Setup(4, 4, 0.0, 50_000), Setup(4, 4, 1.0, 50_000)]
    everything = simulated_setups((), (), (), ())
    assert all(
        len({getattr(each, name) for each in everything}) > 2 for name in ("clients", "scanners", "skew", "rate")
    )


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"rates": (0,)}, "rate is 0"),
        ({"clients": (70_000,)}, "clients is 70000"),
        ({"scanners": (0,)}, "scanners is 0"),
        ({"scanners": (True,)}, "scanners is True"),
        ({"clients": 4}, "clients is 4"),
        ({"rates": "50"}, "rate is '50'"),
        ({"clients": (1.5,)}, "clients is 1.5"),
        ({"skews": ("1",)}, "skew is '1'"),
    ],
)
def test_what_cannot_be_simulated_is_refused_before_anything_is_measured(
    asked: dict[str, tuple[int, ...]], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        contention(**asked)  # type: ignore[arg-type]  # of the cases above


@pytest.mark.parametrize(
    ("contended_per_s", "said"), [(0, "not needed"), (99, "not needed"), (500, "consider"), (1001, "recommended")]
)
def test_the_rule_is_that_of_the_findings(contended_per_s: float, said: str) -> None:
    assert advice(contended_per_s) == said


@pytest.mark.parametrize(
    ("contended_per_s", "gain", "holds"),
    [
        (5000, Gain(0.05, 0.04, 0.06, 10), True),
        (5000, Gain(0.0, -0.01, 0.01, 10), False),
        (10, Gain(0.0, -0.01, 0.01, 10), True),
        (10, Gain(0.25, 0.2, 0.3, 10), False),
        (5000, Gain(0.02, 0.0, 0.04, 10), None),  # the interval does not say
        (5000, Gain(0.05, 0.04, 0.06, 10, "most was disturbed"), None),
        (5000, Gain(0.05, None, None, 10), None),
        (500, Gain(0.05, 0.04, 0.06, 10), None),  # "consider" says nothing
    ],
)
def test_the_rule_is_held_against_what_was_measured(contended_per_s: float, gain: Gain, holds: bool | None) -> None:
    assert load(contended_per_s, gain).rule_holds is holds


def test_the_threshold_is_the_gain_over_the_time_of_a_contention() -> None:
    assert Threshold(figure("a contention", "ns", [200.0] * 10)).per_second == (100_000, 100_000, 100_000)
    assert Threshold(figure("a contention", "ns", [0.0] * 10)).per_second is None
    assert Threshold(figure("a contention", "ns", (), "one core")).per_second is None


def test_contention_runs_natively_and_simulated() -> None:
    found = contention(repetitions=10, rates=(50_000,), scanners=(1,), skews=(2.0,), quick=True)
    simulated = [each for each in found.loads if each.source == "simulated"]
    base, alone, skewed = simulated
    assert base.locked.contended_per_s > 0
    assert base.latency is not None
    assert base.locked.transfers_per_batch > base.free.transfers_per_batch > 1  # the lock's line is one more
    assert alone.locked.transfers_per_batch == 0  # one scanner has every line to itself
    assert skewed.setup.skew == 2
    native = [each for each in found.loads if each.source == "native"]
    if native:
        assert len(native) == len(NATIVE_SETTINGS)
        assert (native[0].locked.contended_per_batch, native[0].locked.transfers_per_batch) == (0, 0)
        assert native[1].locked.transfers_per_batch > 0
        assert len(found.counts) == len(COUNTED_CLIENTS)
    items = found.items()
    assert all(each["with_lock"]["line_transfers_per_s"] >= 0 for each in items)
    assert {each["skew"] for each in items} >= {0.0, 2.0}


def test_no_load_decides_nothing() -> None:
    threshold = Threshold(figure("a contention", "ns", [200.0] * 10))
    assert Contention((), (), threshold, hardware={}, quick=True).verdict is Verdict.UNKNOWN


# --- settings ---


def test_settings_are_measured_or_say_why_not() -> None:
    found = ablate(repetitions=10, quick=True)
    assert {row.setting.name for row in found.rows} == {*settings(), "all"}
    for row in found.rows:
        assert (row.change is None) == bool(row.unavailable)
        if row.change is not None:
            assert row.change.n == 10


def test_a_setting_that_was_not_got_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked for, the race ran, and its time would have passed for what huge pages do."""
    asked = fencepost.native.race

    def without(*names: str, options: RaceOptions, **columns: object) -> fencepost.native.RaceResult:
        plain = RaceOptions(slot_count=options.slot_count)
        return asked(*names, options=plain, **columns)  # type: ignore[arg-type]  # columns as they came

    monkeypatch.setattr(ablating, "race", without)
    row = ablate(["huge-pages"], repetitions=10, quick=True)["huge-pages"]
    assert row.change is None
    assert "gave no huge pages" in row.unavailable
    assert ablate(["huge-pages"], repetitions=10, quick=True).verdict is Verdict.UNKNOWN


def test_a_system_setting_is_as_it_was() -> None:
    paths = [Path("/sys/kernel/mm/transparent_hugepage/enabled"), Path("/proc/sys/vm/nr_hugepages")]
    before = [path.read_text() for path in paths if path.is_file()]
    ablate(["huge-pages"], repetitions=10, quick=True)
    assert [path.read_text() for path in paths if path.is_file()] == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ablate", "wings"], "unknown setting 'wings': expected one of huge-pages"),
        (["profile", "order9"], "order9"),
        (["kernels", "popcorn"], "unknown kernel 'popcorn': expected one of ring"),
    ],
)
def test_unknown_names_are_refused_with_the_choices(words: list[str], message: str) -> None:
    ran = CliRunner().invoke(cli, ["bench", *words, "--quiet"])
    assert isinstance(ran.exception, InputError)
    assert message in str(ran.exception)


def test_fewer_than_ten_repetitions_are_refused() -> None:
    for measured in (ablate, contention, profile):
        with pytest.raises(InputError, match="expected an integer of at least 10"):
            measured(repetitions=9)


# --- profile ---


def test_shares_of_the_stages_are_of_the_whole() -> None:
    shares = [each.share.value for each in stages_of([[1.0, 3.0, 0.0, 4.0, 0.0, 0.0, 0.0]] * 10)]
    assert shares == [0.125, 0.375, 0.0, 0.5, 0.0, 0.0, 0.0]


@NEEDS_VALGRIND
def test_a_profile_has_stages_counts_and_reasons_and_a_picture(tmp_path: Path) -> None:
    ran = CliRunner().invoke(
        cli, ["bench", "profile", "--quick", "--repetitions", "10", "--quiet", "--json", "--out", str(tmp_path)]
    )
    document = json.loads(ran.stdout)
    assert [each["metric"] for each in document["results"]] == [
        "receive", "ring", "hold", "word or lock", "publish", "export", "deliver", "kernels",
    ]  # fmt: skip
    assert document["results"][-1]["source"] == "simulated by valgrind"
    assert "<svg" in (tmp_path / "stages.html").read_text()
    assert (tmp_path / "stages.png").read_bytes().startswith(b"\x89PNG")


# --- kernels ---


@NEEDS_VALGRIND
def test_instructions_are_those_of_the_baseline_within_a_percent() -> None:
    """The gate: a kernel that takes more instructions, or fewer, asks for a new baseline and a reason."""
    found = kernels()
    assert {each.name for each in found.rows} == set(KERNELS)
    if found.ungated:
        pytest.skip(found.ungated)
    assert found.verdict is Verdict.NOT_FOUND, [(each.name, each.change) for each in found.rows]


@NEEDS_VALGRIND
def test_a_kernel_that_takes_two_percent_more_is_named(tmp_path: Path) -> None:
    """A header with an access more in its hot path, beside the one that ships."""
    headers = tmp_path / "include"
    shutil.copytree(Path(fencepost.native.__file__).parent / "include", headers)
    header = headers / "fencepost" / "sequencers" / "order5_fetch_add.hpp"
    text = header.read_text()
    assert text.count("Attempt try_order(") == 1
    header.write_text(text.replace("Attempt try_order(", "[[gnu::noinline]] Attempt try_order("))
    counted = kernels(["order5.fetch_add"], headers=headers)
    was = kernels(["order5.fetch_add"])
    assert counted.rows[0].instructions > 1.02 * was.rows[0].instructions
    if not counted.ungated:
        assert counted.verdict is Verdict.VIOLATED


def test_without_valgrind_nothing_is_counted_and_nothing_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = kernels()
    assert found.verdict is Verdict.UNKNOWN
    assert "no valgrind on the path" in found.unavailable
    assert CliRunner().invoke(cli, ["bench", "kernels", "--quiet"]).exit_code == 3


@NEEDS_VALGRIND
def test_a_baseline_of_another_compiler_gates_nothing(tmp_path: Path) -> None:
    other = tmp_path / "baseline.json"
    other.write_text(json.dumps({**json.loads(baseline_file().read_text()), "compiler": "another 1.0"}))
    found = kernels(["order5.fetch_add"], against=other)
    assert found.verdict is Verdict.UNKNOWN
    assert "the baseline is of another 1.0" in found.ungated


@pytest.mark.parametrize("text", ["{}", "[", '{"compiler": 1, "instructions_a_batch": 7}'])
def test_a_file_that_is_no_baseline_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(InputError, match="no baseline of kernels"):
        kernels(against=file)
