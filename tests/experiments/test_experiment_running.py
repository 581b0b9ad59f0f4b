"""The rows of a run are the same wherever it ran, and a trial's end is its own, however it ends."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import experiment_bodies as bodies
import psutil
import pytest

import fencepost
from fencepost.command_line import experiment
from fencepost.experiments import running, trials
from fencepost.experiments.backends import Backend, Inline, Loky
from fencepost.experiments.contained import Body, contained, machine_lock
from fencepost.experiments.engines import Outcome
from fencepost.experiments.run import Run
from fencepost.experiments.running import run_on
from fencepost.experiments.spec import Spec, parse_spec
from fencepost.experiments.store import Writer
from fencepost.experiments.trials import Trial, trial_of, trials_of
from fencepost.model.errors import Interrupted

REAL = """
[experiment]
name = "real"
replications = 2
[[sweep]]
name = "load"
engine = "simulation"
sequencer = ["order4.mutex", "order5.fetch_add"]
clients = [2, 3]
duration_ms = 0.3
[[sweep]]
name = "race"
engine = "native"
sequencer = "order4.claim"
batches = 50
[[sweep]]
name = "schedules"
engine = "explorer"
sequencer = ["order4.claim", "seed.order4"]
scenario = "empty-ring"
strategy = "random"
runs = 10
[[sweep]]
name = "examples"
engine = "compare"
sequencer = "order5.fetch_add"
policy = "attempts"
examples = 5
"""


def ran(spec: Spec, store: Path, backend: Backend) -> Run:
    report = run_on(spec, store, backend)
    assert report.run is not None
    return report.run


@pytest.mark.parametrize("workers", [(2,), pytest.param((1, 8), marks=pytest.mark.slow)])
def test_the_rows_of_every_engine_are_the_same_inline_and_on_any_number_of_workers(
    workers: tuple[int, ...], tmp_path: Path
) -> None:
    spec = parse_spec(REAL)
    runs = [
        ran(spec, tmp_path / "inline.db", Inline()),
        *(ran(spec, tmp_path / f"{count}.db", Loky(count)) for count in workers),
    ]
    assert all(each.missing == 0 for each in runs)
    assert all(each.statuses() == {"done": spec.trial_count} for each in runs)
    assert len({each.digest() for each in runs}) == 1
    frame = runs[0].to_frame()
    assert frame.height == spec.trial_count
    assert set(frame.filter(sequencer="seed.order4")["verdict"]) == {"violated"}
    assert set(frame.filter(sequencer="order4.claim")["verdict"]) == {"not found"}


def test_a_digest_tells_another_seed(tmp_path: Path) -> None:
    digests = set()
    for seed in (0, 1):
        spec = bodies.spec_of(5, limits=f"seed = {seed}")
        digests.add(ran(spec, tmp_path / f"{seed}.db", Inline(bodies.drawn)).digest())
    assert len(digests) == 2


def test_replications_of_all_combinations_meet_the_same_arrivals(tmp_path: Path) -> None:
    only = REAL[: REAL.index('[[sweep]]\nname = "race"')]
    run = ran(parse_spec(f"{only}warmup_ms = 0\n"), tmp_path / "s.db", Inline())  # measured from the same moment on
    frame = run.to_frame("load").filter(clients=2)
    offered = {name: each["offered_batches_per_s"].to_list() for (name,), each in frame.group_by("sequencer")}
    assert offered["order4.mutex"] == offered["order5.fetch_add"]
    assert len(set(offered["order4.mutex"])) == 2


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    spec, store, begun = bodies.spec_of(6), tmp_path / "s.db", list[int]()

    def body(trial: Trial, folder: str | None) -> Outcome:
        return bodies.drawn(trial, folder)

    class Counted(Inline):
        def run(self, trials, folder):  # type: ignore[no-untyped-def]  # as its base has it
            for each in super().run(_noted(trials, begun), folder):
                yield each
                if len(begun) == 4:
                    raise KeyboardInterrupt

    with pytest.raises(Interrupted) as interrupt:
        run_on(spec, store, Counted(body))
    report = interrupt.value.found
    assert not report.holds
    assert f"resume with: fencepost experiment resume {store}" in str(report)
    assert Run.open(store).finished == 4
    assert ran(spec, store, Counted(body)).missing == 0
    assert begun == [0, 1, 2, 3, 4, 5]
    assert ran(spec, store, Counted(body)).missing == 0
    assert len(begun) == 6


def _noted(trials: Iterator[Trial], begun: list[int]) -> Iterator[Trial]:
    for trial in trials:
        begun.append(trial.number)
        yield trial


def test_other_code_runs_all_again_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, store = bodies.spec_of(3), tmp_path / "s.db"
    ran(spec, store, Inline(bodies.drawn))
    code = trials.code()._replace(sources="other")
    monkeypatch.setattr(running, "code", lambda: code)
    monkeypatch.setattr("fencepost.experiments.trials.code", lambda: code)
    report = run_on(spec, store, Inline(bodies.drawn))
    assert report.run is not None
    assert (report.run.finished, report.run.superseded) == (3, 3)
    assert "3 rows are of other code: they are kept in the store, and not counted" in str(report)


ENDS: list[tuple[Body, str, str, str]] = [
    (bodies.crashes, "", "signal", "SIGSEGV"),
    (bodies.hangs, "trial_timeout_s = 0.5", "timeout", "longer than 0.5 s"),
    (bodies.takes_memory, "trial_memory_mib = 256", "oom", "more than 256 MiB"),
    (bodies.raises, "", "error", "ValueError: no such luck"),
]


@pytest.mark.parametrize(("body", "limits", "status", "said"), ENDS)
@pytest.mark.parametrize("engine", ["simulation", "native"])
@pytest.mark.parametrize("backend", ["inline", "loky"])
def test_how_a_trial_ends_is_recorded_and_harms_no_other(
    body: Body, limits: str, status: str, said: str, engine: str, backend: str, tmp_path: Path
) -> None:
    """In place and in a child, a crash, a hang, too much memory, an exception: one row says so, the others are done."""
    spec = bodies.spec_of(6, engine=engine, limits=limits)
    report = run_on(spec, tmp_path / "s.db", Inline(body) if backend == "inline" else Loky(2, body))
    run = report.run
    assert run is not None
    assert run.statuses() == {"done": 5, status: 1}
    row = run.first(status=status)
    assert row is not None
    assert row["number"] == bodies.ODD_ONE
    assert said in row["explanation"]
    assert json.loads(row["figures"]) == {}
    assert str(report.verdict) == "unknown"
    assert f"1 failed, trial {bodies.ODD_ONE} by {status}" in str(report)
    assert ran(spec, tmp_path / "s.db", Inline(bodies.crashes)).statuses() == {"done": 5, status: 1}


def test_a_worker_that_is_killed_takes_no_trial_with_it(tmp_path: Path) -> None:
    spec = bodies.spec_of(60)
    expected = ran(spec, tmp_path / "whole.db", Inline(bodies.drawn)).digest()

    said: list[running.Advance] = []

    def kill() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if said:
                workers = [each for each in psutil.Process().children() if "loky" in " ".join(each.cmdline())]
                living = [each for each in workers if "resource_tracker" not in " ".join(each.cmdline())]
                if living:
                    os.kill(living[0].pid, signal.SIGKILL)
                    return
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    run = run_on(spec, tmp_path / "s.db", Loky(2, bodies.slow), said.append).run
    killer.join()
    assert run is not None
    assert run.statuses() == {"done": 60}
    assert run.digest() == expected


def test_timed_trials_of_all_runs_take_turns(tmp_path: Path) -> None:
    """While one process holds the machine's lock, a timed trial of another waits, and its limit does not run."""
    trial = trial_of(bodies.spec_of(1, engine="native", limits="trial_timeout_s = 0.3"), 0)
    waited: list[float] = []

    def timed() -> None:
        began = time.monotonic()
        assert contained(trial, body=bodies.drawn).status == "done"
        waited.append(time.monotonic() - began)

    with machine_lock():
        thread = threading.Thread(target=timed)
        thread.start()
        time.sleep(0.8)
        assert waited == []
    thread.join()
    assert waited[0] >= 0.7


def overhead(count: int, tmp_path: Path) -> tuple[float, float]:
    """Return seconds of a trial by the clock and of this process's own time, workers begun before not counted."""
    began: list[tuple[float, float]] = []
    spec = bodies.spec_of(count)

    def note(advance: running.Advance) -> None:
        if not began:
            began.append((time.monotonic(), time.process_time()))

    run_on(spec, tmp_path / "s.db", Loky(2, bodies.of_a_millisecond), note)
    return (time.monotonic() - began[0][0]) / count, (time.process_time() - began[0][1]) / count


def test_the_coordinator_needs_less_than_five_milliseconds_of_its_own_a_trial(tmp_path: Path) -> None:
    assert overhead(500, tmp_path)[1] < 0.005


@pytest.mark.slow
def test_ten_thousand_trials_of_a_millisecond_cost_less_than_five_more_each(tmp_path: Path) -> None:
    assert overhead(10_000, tmp_path)[0] < 0.006


@pytest.mark.slow
def test_a_trial_of_a_million_batches_takes_a_minute_of_processor_time_and_less_than_a_gibibyte(tmp_path: Path) -> None:
    spec = parse_spec(
        '[experiment]\nname = "large"\nreplications = 1\ntrial_timeout_s = 600\ntrial_memory_mib = 1024\n[[sweep]]\n'
        'name = "s"\nengine = "simulation"\nsequencer = "order5.fetch_add"\nduration_ms = 5000\n'
    )
    before = os.times().children_user
    run = ran(spec, tmp_path / "s.db", Inline())
    assert run.statuses() == {"done": 1}, run.first()
    assert run.to_frame()["throughput_batches_per_s"][0] * 5 > 990_000
    assert os.times().children_user - before < 60


def test_progress_counts_missing_trials_and_failures(tmp_path: Path) -> None:
    said: list[running.Advance] = []
    run_on(bodies.spec_of(5), tmp_path / "s.db", Inline(bodies.raises), said.append)
    assert [each.done for each in said] == [1, 2, 3, 4, 5]
    assert (said[-1].missing, said[-1].failed) == (5, 1)
    assert str(said[-1]).startswith("5 of 5 missing trials, 1 failed; ")
    ran(bodies.spec_of(5), tmp_path / "s.db", Inline(bodies.raises))
    assert said[-1].seconds_left == 0


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, store = bodies.spec_of(4), tmp_path / "s.db"
    clock = iter(range(10**9, 0, -(10**6)))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    said: list[running.Advance] = []
    run_on(spec, store, Inline(bodies.drawn), said.append)
    run = ran(spec, store, Inline(bodies.drawn))
    assert run.missing == 0
    assert [each["at_s"] for each in run.manifest] == sorted((each["at_s"] for each in run.manifest), reverse=True)
    assert all(each.seconds >= 0 for each in said)


def test_the_door_takes_a_file_and_keeps_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text('[experiment]\nname = "door"\nreplications = 2\n[[sweep]]\nname = "s"\nengine = "simulation"\n'
                    'duration_ms = 0.3\n')  # fmt: skip
    report = fencepost.run_experiment(path, out=tmp_path, backend="inline")
    assert report.holds
    assert report.to_frame().height == 2
    assert report.to_dict()["trials"] == 2
    with pytest.raises(fencepost.InputError, match="expected at most 1"):
        fencepost.run_experiment(path, out=tmp_path, max_trials=1)
    with pytest.raises(fencepost.InputError, match="unknown backend 'slurm'"):
        fencepost.run_experiment(path, out=tmp_path, backend="slurm")
    with pytest.raises(fencepost.InputError, match="a cluster beside the backend loky"):
        fencepost.run_experiment(path, out=tmp_path, cluster="tcp://127.0.0.1:1")


def test_the_time_that_is_left_is_said_by_sweep(tmp_path: Path) -> None:
    """After ten quick trials of a millisecond, of the slow sweep two have run: the rest takes its time, not the mean's.

    By one mean over all, (10 * 0.001 + 2 * 10) / 12 = 1.7 s a trial, eight more would take 14 s.
    """
    sweeps = ("quick", 10), ("slow", 10)
    text = "".join(
        f'[[sweep]]\nname = "{name}"\nengine = "simulation"\nclients = {list(range(1, count + 1))}\n'
        for name, count in sweeps
    )
    spec = parse_spec(f'[experiment]\nname = "s"\nreplications = 1\n{text}')
    store = tmp_path / "s.db"
    Writer(store, spec, "code").close()
    pace = running.Pace(spec, store, 1)
    trials = list(trials_of(spec))
    assert pace.seconds_left(0.0) is None
    pace.note([(each, Outcome("done", seconds=0.001)) for each in trials[:10]])
    pace.note([(each, Outcome("done", seconds=10.0)) for each in trials[10:12]])
    assert pace.seconds_left(20.01) == pytest.approx(80.0)
    assert pace.seconds_left(10.005) == pytest.approx(40.0), "two ran together"


def test_a_run_of_long_trials_says_again_and_again_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line at least every so many seconds where there is no terminal, also before the first trial has ended."""
    monkeypatch.setattr(experiment, "LINE_SECONDS_MOST", 0.2)
    with experiment._progress(quiet=False):
        time.sleep(1.0)
    said = capfd.readouterr().err.splitlines()
    assert 3 <= len(said) <= 6
    assert all(line.endswith("no trial has ended yet") for line in said)
