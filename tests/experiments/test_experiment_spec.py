"""A spec is refused with the path of what is wrong in it, whatever that is; a right one says which trials there are."""

from pathlib import Path

import pytest

import fencepost
from fencepost.experiments.parameters import PARAMETERS
from fencepost.experiments.presets import PRESETS, new_experiment, preset_text
from fencepost.experiments.spec import Spec, check_trial_count, parse_spec, read_spec
from fencepost.experiments.trials import Trial, seed_of, trial_of, trials_of
from fencepost.model.errors import InputError

HEAD = '[experiment]\nname = "e"\nreplications = 2\n'
SWEEP = '[[sweep]]\nname = "s"\nengine = "simulation"\n'


def refused(text: str) -> str:
    with pytest.raises(InputError) as error:
        parse_spec(text)
    said = str(error.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}{SWEEP}clients = [1, 2, -4]", "spec.toml: $.sweep[0].clients[2]: expected 1..65535, got -4"),
        (f"{HEAD}{SWEEP}clients = 0", "$.sweep[0].clients: expected 1..65535, got 0"),
        (f"{HEAD}{SWEEP}clients = true", "$.sweep[0].clients: expected 1..65535, got True"),
        (f"{HEAD}{SWEEP}clients = '4'", "$.sweep[0].clients: expected 1..65535, got '4'"),
        (f"{HEAD}{SWEEP}loss = nan", "$.sweep[0].loss: expected 0..less than 1, got nan"),
        (f"{HEAD}{SWEEP}epoch_us = [10, nan]", "$.sweep[0].epoch_us[1]: expected more than 0, at most 1e+09, got nan"),
        (f"{HEAD}{SWEEP}duration_ms = inf", "$.sweep[0].duration_ms: expected more than 0"),
        (f"{HEAD}{SWEEP}clients = []", "the sweep would have 0 trials"),
        (f"{HEAD}{SWEEP}clients = [2, 2]", "$.sweep[0].clients[1]: expected another value than before, got 2 again"),
        (f"{HEAD}{SWEEP}clinets = 2", "$.sweep[0].clinets: unknown parameter of engine simulation: did"),
        (f"{HEAD}{SWEEP}sequencer = ['order4.claim', 'order4.nothing']", "sequencer = 'order4.nothing'"),
        (f"{HEAD}{SWEEP}level = 5\nsequencer = 'order4.claim'", "order4.claim is a level-4 sequencer"),
        (f"{HEAD}{SWEEP}policy = 'none'", "nothing would be written back"),
        (f"{HEAD}{SWEEP}level = 6", "$.sweep[0].level: expected one of 4, 5, got 6"),
        (f"{HEAD}{SWEEP}fault = 'flood'", "$.sweep[0].fault: expected one of none, broker_pause"),
        (f"{HEAD}[[sweep]]\nname = 's'\nengine = 'simulator'", "$.sweep[0].engine: expected one of simulation"),
        (f"{HEAD}[[sweep]]\nengine = 'simulation'", "$.sweep[0].name: expected a value, got none"),
        (f"{HEAD}{SWEEP}{SWEEP}", "$.sweep[1].name: expected a name of its own, got 's' again"),
        (f"{HEAD}[[sweep]]\nname = '../s'\nengine = 'native'", "$.sweep[0].name: expected a name of letters"),
        (HEAD, "$.sweep: expected one table [[sweep]] or more"),
        (f"{HEAD}sweep = 3", "$.experiment.sweep: unknown key"),
        (SWEEP, "$.experiment: expected a table [experiment]"),
        ("[experiment]\nseed = 1\n" + SWEEP, "$.experiment.name: expected a value, got none"),
        ("[experiment]\nname = 'a/b'\n" + SWEEP, "$.experiment.name: expected a name of letters"),
        (f"[experiment]\nname = 'e'\nseed = -1\n{SWEEP}", f"$.experiment.seed: expected 0..{2**63 - 1}, got -1"),
        (f"[experiment]\nname = 'e'\ntrial_timeout_s = nan\n{SWEEP}", "$.experiment.trial_timeout_s: expected more"),
        (f"[experiment]\nname = 'e'\nclaims = ['C99']\n{SWEEP}", "$.experiment.claims[0]: expected a claim (C1, "),
        (f"{HEAD}{SWEEP}[[figure]]\nkind = 'pie'\nsweep = 's'", "$.figure[0].kind: expected one of latency-load"),
        (f"{HEAD}{SWEEP}[[figure]]\nkind = 'cdf'\nsweep = 't'", "$.figure[0].sweep: expected one of s"),
        (f"{HEAD}{SWEEP}[[figur]]\nkind = 'cdf'", "$.figur: unknown key"),
        (f"{HEAD}[[sweep]]\nname = 's'\nengine = 'native'\nsetting = 'claim_one'", "side of claim_one"),
        (f"{HEAD}[[sweep]]\nname = 's'\nengine = 'explorer'\nsequencer = 'order9'", "order9"),
        (f"{HEAD}[[sweep]]\nname = 's'\nengine = 'compare'", "sequencer"),
        (f"{HEAD}{SWEEP}[sweep.scenario.clients]\ncuont = 3", "cuont"),
        ("[experiment", "spec.toml: is no spec of an experiment in TOML"),
        (f"a = {'9' * 5000}", "is no spec of an experiment in TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_path(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize("engine", PARAMETERS)
def test_no_parameter_of_any_engine_takes_a_value_of_another_kind(engine: str) -> None:
    """Whatever the parameter: a list within a list, NaN, a date, a text of hundreds of characters is no value of it."""
    head = f'{HEAD}[[sweep]]\nname = "s"\nengine = "{engine}"\n'
    for name in PARAMETERS[engine].__struct_fields__:
        for value in ("[[1]]", "nan", "[-inf]", "2026-01-26", "''", "-1", f'"{"x" * 500}"'):
            assert f"$.sweep[0].{name}" in refused(f"{head}{name} = {value}\n"), (name, value)


def test_a_sweep_of_too_many_trials_is_refused_with_their_count() -> None:
    axes = "\n".join(f"{name} = {list(range(1, 1001))}" for name in ("clients", "ring_slots", "brokers"))
    spec = parse_spec(f"{HEAD}{SWEEP}{axes}")
    assert spec.trial_count == 2 * 10**9
    with pytest.raises(InputError, match="has 2000000000 trials .* expected at most 100000.*--max-trials 2000000000"):
        check_trial_count(spec, 100_000)
    with pytest.raises(InputError, match="2000000000 trials"):
        fencepost.run_experiment(spec)


def two_axes() -> Spec:
    """A sweep of two axes, and one of none."""
    other = SWEEP.replace('"s"', '"t"')
    return parse_spec(f"{HEAD}{SWEEP}clients = [1, 2, 3]\nbrokers = [1, 2]\n{other}")


def test_the_trials_are_the_product_of_the_axes_and_the_replications() -> None:
    trials = list(trials_of(two_axes()))
    assert [each.number for each in trials] == list(range(3 * 2 * 2 + 2))
    swept = [(each.parameters.get("clients"), each.parameters.get("brokers"), each.replication) for each in trials]
    assert swept[:5] == [
        (1, 1, 0), (1, 1, 1), (1, 2, 0), (1, 2, 1), (2, 1, 0)
    ]  # fmt: skip
    assert len({each.key for each in trials}) == len(trials)


def test_a_seed_depends_on_the_replication_and_on_nothing_that_is_swept() -> None:
    trials = list(trials_of(two_axes()))
    seeds = {replication: {each.seed for each in trials if each.replication == replication} for replication in (0, 1)}
    assert all(len(each) == 1 for each in seeds.values())
    assert seeds[0] != seeds[1]
    assert seed_of(0, 0) != seed_of(1, 0)
    assert seed_of(0, 0, "a") != seed_of(0, 0, "b")
    assert 0 <= seed_of(2**63 - 1, 10**6) < 2**63


def test_a_trial_is_the_same_whichever_order_the_numbers_are_asked_in() -> None:
    spec = two_axes()
    assert [trial_of(spec, each) for each in reversed(range(spec.trial_count))] == list(trials_of(spec))[::-1]


def test_a_key_changes_with_everything_that_may_change_the_outcome() -> None:
    trial = trial_of(two_axes(), 0)
    changes = {
        "sweep": "t", "engine": "native", "parameters": {"clients": 9}, "replication": 5, "seed": 1, "timeout_s": 1.0,
        "memory_mib": 64,
    }  # fmt: skip
    fields = {name: getattr(trial, name) for name in Trial.__struct_fields__}
    keys = {Trial(**{**fields, name: value}).key for name, value in changes.items()}
    assert len(keys | {trial.key}) == len(changes) + 1
    assert Trial(**{**fields, "number": 7}).key == trial.key


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("smoke", [False, True])
def test_every_preset_is_a_spec(preset: str, smoke: bool, tmp_path: Path) -> None:
    path = new_experiment(preset, tmp_path / "spec.toml", smoke=smoke)
    spec = read_spec(path)
    assert spec.name == f"{preset}{'-smoke' if smoke else ''}"
    assert {each.sweep for each in spec.figures} <= {each.name for each in spec.sweeps}
    assert "# smoke:" not in path.read_text()
    with pytest.raises(InputError, match="is there already"):
        new_experiment(preset, path)


def test_a_quick_form_is_smaller_than_its_preset() -> None:
    for preset in PRESETS:
        whole, quick = (parse_spec(preset_text(preset, smoke=each)) for each in (False, True))
        assert quick.trial_count < whole.trial_count, preset


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown preset 'smok'.*smoke"):
        new_experiment("smok")
