"""Scenario files: what they may say, what is refused, and in which words."""

from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fencepost.model.errors import InputError
from fencepost.model.simulation.batches.pipeline import simulate_once
from fencepost.model.simulation.distributions import Distribution
from fencepost.model.simulation.machine_costs import FLOOR_METRICS, SOURCES, MachineCosts, calibrated
from fencepost.model.simulation.quantities import BatchRate, ByteRate, Bytes, Nanoseconds
from fencepost.model.simulation.scenario import SKEW_MOST, Clients, Scenario, described, parse_scenario, read_scenario

SCENARIOS = sorted((Path(__file__).parents[2] / "examples" / "scenarios").glob("*.toml"))


def in_toml(value: Any) -> str:
    """Write what `described` returns as an inline TOML value."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {in_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


@given(st.integers(0, 10**15))
def test_a_time_is_read_as_it_is_shown(time_ns: int) -> None:
    assert Nanoseconds.parse(str(Nanoseconds(time_ns))) == time_ns


@given(st.integers(0, 2**50))
def test_a_size_is_read_as_it_is_shown(size: int) -> None:
    assert Bytes.parse(str(Bytes(size))) == size


@given(st.integers(1, 10**9), st.sampled_from([1, 10, 1000]))
def test_a_rate_is_exact(batches: int, parts: int) -> None:
    rate = BatchRate(Fraction(batches, parts))
    assert BatchRate.parse(f"{batches / parts:.3f} batches/s") == rate


def test_a_copy_takes_its_bytes_over_its_rate() -> None:
    assert ByteRate.parse("8 GB/s").time_ns(2**20) == 2**20 // 8


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_that_is_written_out_in_full_is_the_same_scenario(path: Path) -> None:
    scenario = read_scenario(path)
    text = "\n".join(f"{key} = {in_toml(value)}" for key, value in described(scenario).items())
    assert parse_scenario(text) == scenario


def test_an_empty_file_is_the_built_in_scenario_under_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    assert read_scenario(tmp_path / "mine.toml") == msgspec.structs.replace(Scenario(), name="mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clients.rat = 3", r"unknown key 'clients\.rat': expected one of count, loop, rate"),
        ("[[faults]]\nkind = 'late_broker'\nat = '1 ms'\nbroke = 1", r"unknown key 'faults\[0\]\.broke'"),
        ("duration = 5", r"duration: found 5, expected a text with a unit such as '20 us' \(units: ns, us, ms, s\)"),
        ("duration = '5 min'", r"duration: unknown unit 'min' in '5 min': expected one of ns, us, ms, s"),
        ("duration = '0.5 ns'", r"duration: found '0\.5 ns', expected a whole number of nanoseconds"),
        ("duration = '0 ns'", r"duration is 0 ns, expected at least 1"),
        ("clients.rate = '0 batches/s'", r"clients\.rate: found '0 batches/s', expected more than 0"),
        ("clients.rate = '3 msg/s'", r"unknown unit 'msg/s' in '3 msg/s': expected one of batches/s"),
        ("clients.window = '1 KiB'", r"clients\.window is 1 KiB, expected at least one batch \(128 KiB\)"),
        ("clients.count = '3'", r"clients\.count: Expected `int`, got `str`"),
        ("brokers.count = 0", r"brokers\.count is 0, expected at least 1"),
        ("policy = 'fast'", r"policy is 'fast', expected one of none, per_message, per_batch"),
        ("network.loss = 1.0", r"network\.loss is 1\.0, expected from 0 to less than 1"),
        ("network.delay = {kind = 'gauss'}", r"network\.delay\.kind is 'gauss', expected one of constant, uniform"),
        (
            "network.delay = {kind = 'uniform', at_least = '2 us'}",
            r"delay: at_most is 0 ns, expected at least",
        ),
        ("warmup = 'soon'", r"warmup: found 'soon', expected a number and a unit .*; or 'mser5'"),
        ("warmup = '1 s'", r"warmup is 1 s, expected less than the duration \(50 ms\)"),
        ("loads = [0.0]", r"loads is \[0\.0\], expected 1 to 1000 factors above 0"),
        ("[[faults]]\nkind = 'broker_pause'\nat = '1 ms'", r"faults\[0\]\.lasts is 0 ns, expected how long"),
        ("[[faults]]\nkind = 'late_broker'\nat = '1 ms'\nbroker = 4", r"faults\[0\]\.broker is 4, expected 0 to 3"),
        (
            "brokers.count = 1\n[[faults]]\nkind = 'broker_crash_after_publish'\nat = '1 ms'",
            r"expected at least 2 brokers, so that one is left",
        ),
        (
            "[[faults]]\nkind = 'late_broker'\nat = '1 ms'\nevery = '1 ms'",
            r"every is 1 ms for late_broker, expected a fault that ends",
        ),
        ("duration", r"scenario: is no TOML"),
    ],
)
def test_a_wrong_scenario_is_refused_with_the_key_the_value_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_scenario(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: no such file: expected a scenario in TOML"):
        read_scenario(tmp_path / "none.toml")


def test_every_cost_says_where_its_default_comes_from() -> None:
    assert set(SOURCES) == set(MachineCosts.__struct_fields__)


def floor_document(**values: str) -> str:
    items = ",".join(
        f'{{"metric": "{metric}", "unit": "{"bytes/s" if "bytes" in metric else "ns"}", "value": {value}}}'
        for metric, value in values.items()
    )
    return f'{{"schema": "fencepost/bench/1", "results": [{items}]}}'


def test_calibration_takes_what_was_measured_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "floor.json"
    path.write_text(floor_document(ping_pong_ns="141.0", fence_ns="null", memcpy_bytes_per_second="9.5e9", other="1"))
    costs, measured = calibrated(MachineCosts(), path)
    assert (int(costs.line_transfer), int(costs.copy), costs.fence) == (70, 9_500_000_000, MachineCosts().fence)
    assert measured == {"copy": "9.5 GB/s", "line_transfer": "70 ns"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", r"no document of bench floor --json \(KeyError: 'results'\)"),
        ('{"results": []}', r"holds none of the metrics load_hit_ns, "),
        (floor_document(fence_ns="-3"), r"fence_ns is -3\.0 ns, expected more than 0 ns"),
    ],
)
def test_a_file_that_is_no_floor_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "floor.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        calibrated(MachineCosts(), path)


def test_what_is_calibrated_are_costs() -> None:
    assert set(FLOOR_METRICS) <= set(MachineCosts.__struct_fields__)


@pytest.mark.parametrize(
    "distribution",
    [
        Distribution(mean=Nanoseconds(700)),
        Distribution(kind="uniform", at_least=Nanoseconds(100), at_most=Nanoseconds(900)),
        Distribution(kind="exponential", mean=Nanoseconds(2000), at_least=Nanoseconds(500)),
        Distribution(kind="lognormal", median=Nanoseconds(1000), sigma=0.5),
    ],
    ids=lambda distribution: distribution.kind,
)
def test_draws_have_the_mean_that_is_said(distribution: Distribution) -> None:
    draw = distribution.draws(Random(3))
    values = [draw() for _ in range(40_000)]
    assert abs(sum(values) / len(values) / distribution.mean_ns - 1) < 0.02
    assert min(values) >= distribution.at_least


# --- skew ---


@given(st.integers(1, 40), st.floats(0, SKEW_MOST), st.integers(1, 10**6))
def test_skewed_clients_send_together_what_all_alike_would(count: int, skew: float, rate: int) -> None:
    clients = Clients(count=count, skew=skew, rate=BatchRate(rate))
    rates = [clients.rate_of(number) for number in range(count)]
    assert float(sum(rates)) == pytest.approx(count * rate)
    assert rates == sorted(rates, reverse=True)
    if count > 1:
        assert float(rates[0] / rates[1]) == pytest.approx(2**skew)


def test_a_skewed_client_sends_its_share_of_the_batches() -> None:
    scenario = Scenario().with_(skew=1, rate=200_000, duration=10_000_000, replications=1, check=False)
    alike = scenario.with_(skew=0)
    runs = [simulate_once(each, 4, seed=0).recorder.batches for each in (scenario, alike)]
    shares = [sum(batch.client == 0 for batch in batches) / len(batches) for batches in runs]
    assert shares[0] == pytest.approx(12 / 25, abs=0.03)  # 1 / (1 + 1/2 + 1/3 + 1/4)
    assert shares[1] == pytest.approx(1 / 4, abs=0.03)
    assert len(runs[0]) == pytest.approx(len(runs[1]), rel=0.05)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[clients]\nskew = -1.0", "clients.skew is -1.0, expected from 0 to 8"),
        ("[clients]\nskew = 9.0", "clients.skew is 9.0, expected from 0 to 8"),
        ("[clients]\nskew = nan", "clients.skew is nan, expected from 0 to 8"),
        ('[clients]\nskew = 1.0\nloop = "closed"', "a closed loop has no rates"),
        ('[clients]\nskew = 1.0\nworkload = "recorded"', "a workload file has no rates"),
    ],
)
def test_a_skew_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_scenario(text)
