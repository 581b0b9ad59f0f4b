"""Two sequencers raced on the same arrivals: what differs, that nothing does, and where a batch's time goes."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import fencepost
from fencepost.bench.race_times import STAGES, RaceTimes, race_times, times_of
from fencepost.bench.statistics.change import differs, in_words
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, Miscounted
from fencepost.native import PUBLICATIONS, RaceOptions, RaceResult, race

SEQUENCERS = ("order5.fetch_add", "order5.epoch", "order4.mutex", "order4.claim", "order4.owner", "order4.epoch")
Made = Callable[[dict[str, float]], None]


@pytest.fixture
def raced(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Let a sequencer's races take these factors of one made time, which differs from seed to seed."""

    def make(factors: dict[str, float]) -> None:
        def made(sequencer: str, *, scanners: int, quick: bool, seed: int) -> RaceTimes:
            time = 1000.0 * (1 + seed % 7 / 10) * factors[sequencer]
            return RaceTimes(dict.fromkeys(STAGES, time), {"a batch": time, "ordered, mean": 4 * time})

        monkeypatch.setattr("fencepost.bench.raced.race_times", made)
        monkeypatch.setattr("fencepost.bench.raced._alone", lambda *asked: None)

    return make


def test_the_same_arrivals_cancel_and_what_a_side_adds_is_found(raced: Made) -> None:
    """Arrivals alone vary by 60 %; in pairs 10 % is seen to the digit."""
    raced({"order4.mutex": 1.0, "order4.claim": 1.1})
    change = fencepost.bench.against("order4.mutex", "order4.claim")["word or lock"].change
    assert change is not None
    assert change.differs
    assert change.change == pytest.approx(0.1)
    assert (change.low, change.high) == pytest.approx((0.1, 0.1), abs=1e-3)


def test_no_difference_is_said_plainly_and_an_interval_that_does_not_say_is_none(raced: Made) -> None:
    raced({"order4.mutex": 1.0, "order4.claim": 1.0})
    ran = CliRunner().invoke(cli, ["bench", "order4.mutex", "--against", "order4.claim", "--quiet"])
    assert ran.exit_code == 0
    assert ran.stdout.count("no difference, +0.0%") == 2 + len(STAGES)
    assert "different=0" in ran.stdout
    assert [differs(*each) for each in ((-0.04, 0.05), (-0.9, 2.6), (0.01, 0.3), (None, 0.1))] == [
        False, None, True, None,
    ]  # fmt: skip
    assert in_words(-0.765, -0.983, 2.608) == "not decided, -76.5% (-98.3%..+260.8%)"


def test_a_stage_that_takes_no_time_has_no_ratio(raced: Made) -> None:
    raced({"order4.mutex": 1.0, "order4.claim": 0.0})
    ran = CliRunner().invoke(cli, ["bench", "order4.mutex", "--against", "order4.claim", "--quiet"])
    assert "no time at all on a side" in ran.stdout


@pytest.mark.parametrize("sequencer", SEQUENCERS)
@pytest.mark.parametrize("scanners", [1, 2])
def test_the_stages_of_a_batch_follow_each_other_and_are_its_whole_way(sequencer: str, scanners: int) -> None:
    result = raced_once(sequencer, scanners)
    stages = times_of(result).stages
    assert list(stages) == list(STAGES)
    assert min(stages.values()) >= 0
    assert sum(stages.values()) == pytest.approx(np.mean(result.delivered_ns - result.received_ns))
    until_ordered = sum(stages[each] for each in ("receive", "ring", "hold", "word or lock"))
    assert until_ordered == pytest.approx(np.mean(result.ordered_ns - result.received_ns))


@pytest.mark.parametrize("sequencer", [each for each in SEQUENCERS if each.startswith("order4")])
def test_a_batch_is_held_from_its_first_attempt_if_its_predecessor_came_later(sequencer: str) -> None:
    """Of two batches in one ring the second comes first: that one alone is held, and until the other is ordered."""
    zeros = np.zeros(2, dtype=np.int64)
    result = race(sequencer, client_id=zeros, batch_seq=np.array([1, 0]), broker_id=zeros, message_count=zeros + 1)
    held = result.attempted_ns - result.first_attempted_ns
    if sequencer == "order4.epoch":  # both are in hand until the epoch ends, and ordered together
        assert (held >= 0).all()
        return
    assert held[1] == 0
    assert held[0] > 0
    assert result.first_attempted_ns[0] <= result.first_attempted_ns[1]
    assert result.attempted_ns[0] >= result.ordered_ns[1]


@pytest.mark.parametrize("publication", [each for each in PUBLICATIONS if each != "none"])
def test_every_batch_has_its_guard_stored_before_it_is_exported_by_any_policy(publication: str) -> None:
    """Also where guards are stored for many at once, and of the last few that no group was filled by."""
    rows = np.arange(3001)
    try:
        options = RaceOptions(publication=publication, guard_batch_count=16)
        result = race(
            "order4.claim", client_id=rows % 8, batch_seq=rows // 8, broker_id=rows % 2,
            message_count=np.ones_like(rows), seed=3, options=options,
        )  # fmt: skip
    except InputError as error:
        pytest.skip(str(error))
    assert (result.ordered_ns <= result.published_ns).all()
    assert (result.published_ns <= result.exported_ns).all()


def raced_once(sequencer: str, scanners: int) -> RaceResult:
    rows = np.arange(2000)
    return race(
        sequencer, client_id=rows % 16, batch_seq=rows // 16, broker_id=(rows % 16 + rows // 16) % scanners,
        message_count=np.ones_like(rows),
    )  # fmt: skip


@pytest.mark.parametrize("sequencer", SEQUENCERS)
def test_every_moment_of_a_batch_comes_behind_the_one_before_it(sequencer: str) -> None:
    rows = np.arange(3000)
    result = race(
        sequencer, client_id=rows % 8, batch_seq=rows // 8, broker_id=(rows % 8 + rows // 8) % 2,
        message_count=np.ones_like(rows), seed=3,
    )  # fmt: skip
    assert (result.received_ns <= result.sent_ns).all()
    assert (result.sent_ns <= result.filled_ns).all()
    assert (result.sent_ns <= result.first_attempted_ns).all()
    assert (result.first_attempted_ns <= result.attempted_ns).all()
    assert (result.attempted_ns <= result.ordered_ns).all()
    assert (result.ordered_ns <= result.published_ns).all()
    assert (result.published_ns <= result.exported_ns).all()
    assert (result.ordered_ns <= result.delivered_ns).all()


def test_a_batch_that_was_never_ordered_has_no_times() -> None:
    rows = np.array([0, 2])
    zeros = np.zeros_like(rows)
    result = race("order4.mutex", client_id=zeros, batch_seq=rows, broker_id=zeros, message_count=zeros + 1)
    assert (result.received_ns >= 0).all()
    assert (result.filled_ns >= 0).all()
    for moment in (
        result.first_attempted_ns, result.attempted_ns, result.ordered_ns, result.published_ns, result.exported_ns,
        result.delivered_ns,
    ):  # fmt: skip
        assert moment[0] >= 0
        assert moment[1] == -1


def test_a_lost_batch_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    def losing(*asked: object, **more: object) -> RaceResult:
        result = race(*asked, **more)  # type: ignore[arg-type]  # handed on as they came
        result.delivered_ns[7] = -1
        return result

    monkeypatch.setattr("fencepost.bench.race_times.race", losing)
    with pytest.raises(Miscounted, match="delivered"):
        race_times("order5.fetch_add", quick=True)


def test_both_are_raced_in_one_run_from_the_command_line(tmp_path: Path) -> None:
    ran = CliRunner().invoke(
        cli, ["bench", "order4.mutex", "--against=order4.claim", "--quick", "--repetitions", "10", "--quiet", "--json",
              "--scanners", "2", "--out", str(tmp_path)],
    )  # fmt: skip
    document = json.loads(ran.stdout)
    items = document["results"]
    assert (ran.exit_code, document["verdict"]) == (0, str(Verdict.NOT_FOUND))
    assert [each["metric"] for each in items if each.get("stage")] == list(STAGES)
    assert all(len(each[side]["samples"]) == 10 for each in items[:-1] for side in ("first", "second"))
    assert (items[-1]["metric"], items[-1]["setting"]) == ("ordering alone", "claim_one")
    assert json.loads((tmp_path / "race.json").read_text()) == document
    assert document["manifest"]["hardware"]["load_before"] is not None


@pytest.mark.parametrize(
    ("first", "second", "asked", "sentence"),
    [
        ("order9", "order4.claim", {}, "unknown sequencer 'order9'"),
        ("order4.claim", "order9", {}, "unknown sequencer 'order9'"),
        ("order4.claim", "order4.claim", {}, "expected two sequencers"),
        ("order4.mutex", "order4.claim", {"repetitions": 9}, "at least 10"),
        ("order4.mutex", "order4.claim", {"scanners": 17}, "scanners is 17"),
        ("order4.mutex", "order4.claim", {"scanners": True}, "scanners is True"),
        ("order4.mutex", "order4.claim", {"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_compared_is_refused(first: str, second: str, asked: dict[str, int], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        fencepost.bench.against(first, second, **asked)  # type: ignore[arg-type]  # of the cases above


def test_without_a_first_side_there_is_an_error_and_no_bench_of_everything() -> None:
    ran = CliRunner().invoke(cli, ["bench", "--against", "order4.claim"])
    assert ran.exit_code == 2
    assert "Missing argument 'A'" in ran.stderr


def test_a_small_share_is_not_called_none() -> None:
    from fencepost.bench.decisions.profile import stages_of
    from fencepost.bench.decisions.stages_picture import _label

    _, ring, _, lock, *_ = stages_of([[0.0, 9_000.0, 0.0, 1.0, 2.0, 0.0, 1_000.0]] * 10)
    assert _label(ring) == "ring: 90% (90%..90%), 9 us"
    assert _label(lock) == "word or lock: 0.01% (0.01%..0.01%), 0.001 us"
