"""Two simulations of the same arrivals: differences are of pairs, and what is due to message headers is told apart."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.model.errors import InputError
from fencepost.model.simulation.measures import STAGES
from fencepost.model.simulation.quantities import Nanoseconds
from fencepost.model.simulation.scenario import Granularity, Scenario
from fencepost.simulating.paired import Paired, Side, against, paired
from fencepost.simulating.run import simulate

SHORT = Scenario(
    name="short", duration=Nanoseconds.parse("6 ms"), warmup="1 ms", replications=4, check=False
)  # fmt: skip


def both(first: str, second: str, scenario: Scenario = SHORT) -> Paired:
    return against(Side(scenario, first), Side(scenario, second))


def test_a_sequencer_beside_itself_differs_in_nothing() -> None:
    found = both("order4.claim", "order4.claim")
    assert found.differences
    assert not any(each.differs for each in found.differences)
    assert all(each.change == 0 for each in found.differences)


def test_the_sides_see_the_same_arrivals() -> None:
    found = both("order4.mutex", "order4.claim")
    assert found["offered_batches_per_s"].change == 0
    assert not found["throughput_batches_per_s"].differs


def test_pairs_see_what_the_sides_apart_do_not() -> None:
    """The lock's cost is a hundredth of the latency: by intervals of each side alone it does not show."""
    length = msgspec.structs.replace(SHORT, duration=Nanoseconds.parse("20 ms"), replications=5)
    found = both("order4.mutex", "order4.claim", length)
    order = found["latency_order_mean_ns"]
    assert order.differs
    assert order.low is not None
    assert order.high is not None
    sides = [side["latency_order_mean_ns"] for side in (found.first, found.second)]
    apart = max(each.high - each.low for each in sides if each.high is not None and each.low is not None)
    assert (order.high - order.low) * order.first < apart


@pytest.mark.parametrize("granularity", ["batch", "operation"])
def test_the_stages_of_a_batch_add_up_to_its_delivery(granularity: Granularity) -> None:
    length = Nanoseconds.parse("2 ms")
    scenario = msgspec.structs.replace(SHORT, duration=length, granularity=granularity)
    found = simulate(scenario, sequencer="order4.claim")
    stages = [each.metric for each in found.figures if each.metric.startswith("stage_")]
    # Operation by operation no attempt has a beginning.
    named = [name for name in STAGES if granularity == "batch" or name != "word_or_lock"]
    assert stages == [f"stage_{name}_mean_ns" for name in named]
    total = sum(found[name].value for name in stages)
    assert total == pytest.approx(found["latency_deliver_mean_ns"].value, rel=0.02)


def test_between_levels_the_message_headers_are_told_from_ordering() -> None:
    found = both("order5.fetch_add", "order4.claim")
    assert found.headers is not None
    whole = found["latency_order_mean_ns"].change or 0
    bare = found.headers["latency_order_mean_ns"].change or 0
    assert whole > 2 * bare > 0
    assert both("order4.mutex", "order4.claim").headers is None


def test_the_order_of_the_sides_does_not_change_what_is_due_to_headers() -> None:
    there, back = both("order5.fetch_add", "order4.claim"), both("order4.claim", "order5.fetch_add")
    assert there.headers is not None
    assert back.headers is not None
    assert there.headers.differences == back.headers.differences


def test_what_is_no_pair_is_refused() -> None:
    other = msgspec.structs.replace(SHORT, clients=msgspec.structs.replace(SHORT.clients, count=2))
    with pytest.raises(InputError, match="clients differ between the two sides: expected the same arrivals"):
        against(Side(SHORT), Side(other))
    once = msgspec.structs.replace(SHORT, replications=1)
    with pytest.raises(InputError, match="replications is 1: expected at least 2"):
        paired(simulate(once), simulate(once))
    with pytest.raises(InputError, match="expected the same of both"):
        paired(simulate(SHORT), simulate(SHORT, seed=1))


def test_the_command_says_no_difference_and_what_the_headers_are(tmp_path: Path) -> None:
    scenario = tmp_path / "short.toml"
    scenario.write_text('duration = "4 ms"\nreplications = 3\ncheck = false\n')
    words = ["simulate", str(scenario), "--sequencer", "order5.fetch_add", "--quiet", "--against", "order4.claim"]
    ran = CliRunner().invoke(cli, words)
    assert "no difference, -0.0%" in ran.stdout or "no difference, +0.0%" in ran.stdout
    assert "of the difference is the headers" in ran.stdout
    document = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    assert {each["metric"] for each in document["results"]} >= {f"stage_{name}_mean_ns" for name in STAGES}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", "order9"], "unknown sequencer or scenario file of --against 'order9'"),
        (["--against", "none.toml"], "none.toml: no such file"),
        (["--against", "order4.claim", "--out", "there"], "--against has no --out"),
    ],
)
def test_bad_input_is_refused_in_words(words: list[str], message: str) -> None:
    ran = CliRunner().invoke(cli, ["simulate", *words, "--quiet"])
    assert ran.exit_code != 0
    assert message in ran.output or message in str(ran.exception)
