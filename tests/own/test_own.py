"""Users' own files: proved by path, loaded once, their errors shown as theirs, their traces read while they last."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run

import fencepost
from fencepost.model.contract import Verdict
from fencepost.model.errors import FormatError, InputError, LoadError
from fencepost.model.instance import Instance
from fencepost.model.itf import read_trace, write_trace
from fencepost.model.language import Protocol
from fencepost.model.own import PROTOCOL, load, object_of
from fencepost.model.trace import Trace, replay
from fencepost.proofs.mutants import mutants
from fencepost.templates import commands_of, kinds, marked_line_number, new

EXAMPLES = Path(__file__).parents[2] / "examples" / "own"

PROTOCOL_TEXT = """
from typing import Annotated
from fencepost.model.language import Map, Protocol, Sort, action, every, not_, promise

Gate = Annotated[int, Sort("Gate", numeric=False)]
Turn = Annotated[int, Sort("Turn")]

class {name}(Protocol):
    turn: Turn = 0
    taken: Map[Gate, Turn] = every(0)
    is_open: Map[Gate, bool] = every(False)

    @action
    def take(self, gate: Gate) -> None:
        {guard}
        self.taken[gate] = self.turn
        self.is_open[gate] = True
        self.turn = self.turn + 1

    @promise("turns-were-given")
    def a_turn_was_given(self, gate: Gate) -> bool:
        return {promised}
"""


def text_of(name: str, guard: str = "pass", promised: str = "self.taken[gate] <= self.turn") -> str:
    """Return a file that defines a protocol of this name."""
    return PROTOCOL_TEXT.format(name=name, guard=guard, promised=promised)


def write(folder: Path, *names: str, file: str = "mine.py") -> Path:
    """Write a file that defines protocols of these names."""
    path = folder / file
    path.write_text("".join(map(text_of, names)))
    return path


# --- targets ---


def test_a_protocol_is_proved_by_path_by_name_and_as_a_class(tmp_path: Path) -> None:
    path = write(tmp_path, "Gates")
    own: type[Protocol] = object_of(path, PROTOCOL)
    for target in (path, str(path), f"{path}:Gates", own):
        assert [(each.protocol, each.verdict) for each in fencepost.prove(target).proofs] == [("Gates", Verdict.PROVED)]
    assert {each.verdict for each in fencepost.prove("order5.fetch_add").proofs} == {Verdict.PROVED}


def test_a_file_is_run_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "noisy.py"
    count = tmp_path / "count"
    path.write_text(f"with open({str(count)!r}, 'a') as file: file.write('x')\n")
    assert load(path) is load(path)
    assert count.read_text() == "x"
    path.write_text(path.read_text() + "# changed\n")
    load(path)
    assert count.read_text() == "xx"


def test_what_a_file_prints_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "noisy.py"
    path.write_text("print('hello')\n")
    load(path)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "hello\n")


def test_a_file_may_import_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, "Gates", file="neighbour_of_mine.py")
    (tmp_path / "mine.py").write_text("from neighbour_of_mine import Gates\nclass Own(Gates): pass\n")
    assert [each.protocol for each in fencepost.prove(tmp_path / "mine.py").proofs] == ["Own"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine.py", r"mine\.py defines 2 protocols: say which one, .*mine\.py:Gates or .*mine\.py:Doors"),
        ("mine.py:Gate", r"mine\.py defines no protocol 'Gate': did you mean Gates\?"),
        ("mine.py:Quorum", r"mine\.py defines no protocol 'Quorum': did you mean Gates or Doors\?"),
        ("empty.py", r"empty\.py defines no protocol: expected a class that inherits from .*Protocol"),
        ("missing.py", r"missing\.py: no such file: expected a Python file, FILE\.py or FILE\.py:Name"),
        ("idle.py", r'Idle has nothing to prove: expected a method marked @promise\("name"\)'),
    ],
)
def test_a_target_that_is_not_one_protocol_is_refused_with_what_is_there(
    tmp_path: Path, target: str, message: str
) -> None:
    write(tmp_path, "Gates", "Doors")
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "idle.py").write_text("from fencepost.model.language import Protocol\nclass Idle(Protocol): pass\n")
    with pytest.raises(InputError, match=message):
        fencepost.prove(tmp_path / target)


@pytest.mark.parametrize("target", [3, int])
def test_what_is_no_target_at_all_is_refused(target: object) -> None:
    with pytest.raises(InputError, match="is no protocol: expected a class that inherits from Protocol, or FILE.py:Na"):
        fencepost.prove(target)  # type: ignore[arg-type]


RAISING = {
    "an import": "import json\ndef f():\n    import no_such_module\nf()\n",
    "a syntax error": "x = (\n",
    "an exit": "import sys\nsys.exit(0)\n",
    "a rule": text_of("Gates", guard="self.require(self.turn % 2 == 0)"),
    "a type": text_of("Gates", guard="len(3)"),
}


@pytest.mark.parametrize("what", RAISING)
def test_an_error_in_a_users_file_is_shown_with_their_traceback_alone_and_exits_2(tmp_path: Path, what: str) -> None:
    (tmp_path / "raises.py").write_text(RAISING[what])
    ran = run("prove", "raises.py", cwd=tmp_path)
    assert ran.returncode == 2, ran.stderr
    assert 'File "raises.py", line ' in ran.stderr
    assert "fencepost/model" not in ran.stderr
    assert "bug in fencepost" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("fencepost: raises.py: ")
    with pytest.raises(LoadError) as caught:
        load(tmp_path / "raises.py")
    assert caught.value.__cause__ is not None


def test_an_error_while_a_users_file_is_used_is_theirs_too(tmp_path: Path) -> None:
    text = text_of("Gates", promised="not_(self.is_open[gate])")
    (tmp_path / "raises.py").write_text(text + "\n    def describe(self, sort, value):\n        return 1 // 0\n")
    ran = run("prove", "raises.py", cwd=tmp_path)
    assert ran.returncode == 2, ran.stderr
    assert "ZeroDivisionError" in ran.stderr
    said = ran.stderr.splitlines()[-1]
    assert said.startswith("fencepost: ")
    assert said.endswith("raises.py: ZeroDivisionError: integer division or modulo by zero")


# --- options ---


def test_every_option_of_prove_works_on_a_users_file(tmp_path: Path) -> None:
    path = shutil.copy(EXAMPLES / "cuts.py", tmp_path)
    ran = run(
        "prove", f"{path}:Cuts", "--emit", "queries", "--solver", "both", "--size", "Shard=1", "--json", cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    assert {row["verdict"] for row in json.loads(ran.stdout)["results"]} == {"proved"}
    assert (tmp_path / "queries" / "Cuts.issue.durable.smt2").exists()
    listed = run("prove", str(path), "--list", cwd=tmp_path).stdout.splitlines()
    assert listed == [f"{each} (your own): durable, complete, monotone" for each in ("Cuts", "PrimaryCuts", "BareCuts")]
    killed = run("prove", f"{path}:Cuts", "--mutants", cwd=tmp_path)
    assert killed.returncode == 0
    assert "issue without require(for_all(Shard shard: counted[cut, shard]))  caught" in killed.stdout


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("Shar=2", "unknown sort 'Shar': expected one of Shard, Cut"),
        ("Shard=0", "0 members of Shard: expected 1 to 1000"),
        ("Shard", "'Shard': expected a sort and its number of members, such as Shard=3"),
        ("Shard=two", "'Shard=two': expected a sort and its number of members, such as Shard=3"),
    ],
)
def test_a_size_that_cannot_be_is_refused(tmp_path: Path, size: str, message: str) -> None:
    ran = run("prove", f"{EXAMPLES / 'cuts.py'}:Cuts", "--size", size, cwd=tmp_path)
    assert ran.returncode == 2
    assert message in ran.stderr


def test_a_requirement_that_nothing_needs_is_said_in_words_and_what_is_needed_is_confirmed(tmp_path: Path) -> None:
    path = new("protocol", "Cuts", tmp_path)
    redundant = "        self.require(self.committed < self.appended)\n"  # what every replica holds was appended
    ran = run("prove", str(path), "--mutants", cwd=tmp_path)
    assert ran.returncode == 3, "a weakened spec in which all still holds violates nothing"
    assert ran.stdout.splitlines()[-1].startswith("verdict=unknown property=")
    assert "require(committed < appended)" in ran.stdout.splitlines()[-1]
    assert "redundant  all still holds: no promise asks for this requirement" in ran.stdout
    assert "A requirement without which all still holds makes no protocol wrong" in ran.stdout
    assert "SURVIVES" not in ran.stdout
    rows = json.loads(run("prove", str(path), "--mutants", "--json", cwd=tmp_path).stdout)["results"]
    outcomes = {row["mutant"].split("without ")[1]: (row["outcome"], row["step"]) for row in rows}
    assert outcomes["require(committed < appended)"] == ("redundant", None)
    assert outcomes["require(held[replica] < appended)"] == ("caught", "replicate(replica=0)")
    path.write_text(path.read_text().replace(redundant, ""))
    needed = run("prove", str(path), "--mutants", cwd=tmp_path)
    assert needed.returncode == 0, needed.stdout
    assert "2 weakened specs: 2 caught, 2 of them by a step in a small instance; 0 equivalent\n" in needed.stdout


def test_mutants_of_what_is_not_proved_are_refused() -> None:
    wrong = object_of(f"{EXAMPLES / 'producers.py'}:Unfenced", PROTOCOL)
    with pytest.raises(
        InputError, match=r"Unfenced is not proved \(fenced, in-sequence, once\): prove it, then its mutants"
    ):
        mutants((wrong,))


# --- counterexamples ---


def test_a_cut_that_counts_the_primary_alone_is_refuted_by_a_shortest_run() -> None:
    cuts = load(EXAMPLES / "cuts.py").module
    assert {proof.verdict for proof in fencepost.prove(cuts.Cuts).proofs} == {Verdict.PROVED}
    found = {each.property: each for each in fencepost.prove(f"{EXAMPLES / 'cuts.py'}:PrimaryCuts").proofs}
    trace = found["durable"].trace
    assert trace is not None
    run = ["append", "report_primary", "count", "count", "issue", "fail_over"]
    assert [step.action for step in trace.steps] == run
    assert replay(trace).violated_at == len(run)


def test_producers_are_proved_and_both_short_cuts_are_refuted() -> None:
    producers = load(EXAMPLES / "producers.py").module
    assert {proof.verdict for proof in fencepost.prove(producers.Producers).proofs} == {Verdict.PROVED}
    for wrong in (producers.FoldedEpochs, producers.Unfenced):
        found = {each.property: each for each in fencepost.prove(wrong).proofs}
        assert found["fenced"].verdict is Verdict.VIOLATED
        assert found["fenced"].bound == "2 steps"


def test_a_proof_that_wants_an_invariant_shows_the_step_that_it_should_exclude(tmp_path: Path) -> None:
    path = new("protocol", "Wanting", tmp_path)
    text = path.read_text()
    invariant = text[text.index("    @invariant") : text.index("    # Sometimes")]
    path.write_text(text.replace(invariant, ""))
    (proof,) = fencepost.prove(path).proofs
    assert proof.verdict is Verdict.UNKNOWN
    assert proof.cti is not None
    assert proof.cti.step.action == "commit"
    ran = run("prove", str(path), cwd=tmp_path)
    assert ran.returncode == 3
    assert (
        "counterexample to induction; no invariant excludes this state, which is perhaps never reached:" in ran.stdout
    )
    assert "  then commit()" in ran.stdout


def test_a_counterexample_to_induction_names_what_it_could_not_assume(tmp_path: Path) -> None:
    path = new("protocol", "Wanting", tmp_path)
    holds = "return self.acknowledged[replica] <= self.held[replica]"
    path.write_text(path.read_text().replace(holds, "return self.acknowledged[replica] == self.held[replica]"))
    (proof,) = fencepost.prove(path).proofs
    assert proof.cti is not None
    assert proof.cti.not_assumed == ("replicas-hold-what-they-acknowledged",)
    assert "not assumed, as induction does not prove it: replicas-hold-what-they-acknowledged" in str(proof.cti)


# --- traces ---


@pytest.fixture
def trace_path(tmp_path: Path) -> Path:
    """The trace of a user's protocol, beside its file."""
    target = shutil.copy(EXAMPLES / "producers.py", tmp_path)
    found = {each.property: each for each in fencepost.prove(f"{target}:Unfenced").proofs}
    trace = found["fenced"].trace
    assert trace is not None
    write_trace(tmp_path / "fenced.itf.json", trace)
    return tmp_path / "fenced.itf.json"


def test_a_trace_names_its_source_and_is_replayed_while_that_is_there(trace_path: Path) -> None:
    source = json.loads(trace_path.read_text())["#meta"]["source"]
    file = str((trace_path.parent / "producers.py").resolve())
    assert (source["module"], source["object"], source["file"]) == ("producers", "Unfenced", file)
    assert replay(read_trace(trace_path)).violated_at == 2
    ran = run("replay", str(trace_path), cwd=trace_path.parent)
    assert ran.returncode == 1
    assert "fenced is violated for one = 0; other = 1" in ran.stdout
    assert "Unfenced is a protocol of your own: it has no programs" in ran.stdout


def change(trace_path: Path) -> None:
    with (trace_path.parent / "producers.py").open("a") as file:
        file.write("# one word more\n")


def remove(trace_path: Path) -> None:
    (trace_path.parent / "producers.py").unlink()


def edit(trace_path: Path, **meta: object) -> None:
    whole = json.loads(trace_path.read_text())
    whole["#meta"].update(meta)
    trace_path.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change, r"its protocol Unfenced is in .*producers\.py, which was changed since: run it again"),
        (remove, r"its protocol Unfenced was in .*producers\.py, which is not there: put the file back"),
        (lambda path: edit(path, source=None), r"its protocol Unfenced stood in no file that can be loaded"),
        (lambda path: edit(path, source="producers.py"), r"#meta\.source is .*: expected module, file, object and sha"),
        (lambda path: edit(path, protocol="Producers"), r'#meta\.protocol is "Producers": expected Unfenced'),
    ],
)
def test_a_trace_of_a_source_that_is_not_as_it_was_is_refused_with_the_reason(
    trace_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(trace_path)
    with pytest.raises(FormatError, match=message):
        read_trace(trace_path)


def test_a_trace_of_a_protocol_in_no_file_says_so_when_it_is_read(tmp_path: Path) -> None:
    class Local(object_of(write(tmp_path, "Gates"), PROTOCOL)):  # type: ignore[misc]  # a class made when it runs
        pass

    path = tmp_path / "local.itf.json"
    write_trace(path, Trace(Local, "turns-were-given", (), Instance(), "hand"))
    with pytest.raises(FormatError, match="its protocol Local stood in no file that can be loaded"):
        read_trace(path)


# --- files to begin with ---


def test_a_new_protocol_proves_and_without_the_marked_line_shows_a_counterexample(tmp_path: Path) -> None:
    written = run("new", "protocol", "TwoReplicas", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    path = tmp_path / "two_replicas.py"
    assert commands_of(path) == ["fencepost prove two_replicas.py"]
    assert "    fencepost prove two_replicas.py\n" in written.stdout
    number = marked_line_number(path)
    assert f"delete line {number} to see a counterexample" in written.stdout
    proved = run("prove", "two_replicas.py", cwd=tmp_path)
    assert (proved.returncode, proved.stdout.splitlines()[-1]) == (0, "verdict=proved property=- seed=- trace=-")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[: number - 1] + lines[number:]))
    refuted = run("prove", "two_replicas.py", cwd=tmp_path)
    assert refuted.returncode == 1
    assert "TwoReplicas: durable ... violated (2 steps)" in refuted.stdout


@pytest.mark.parametrize("name", ["TwoReplicas", "two-replicas", "two_replicas", "twoReplicas"])
def test_a_name_may_be_written_in_any_style(tmp_path: Path, name: str) -> None:
    path = new("protocol", name, tmp_path)
    assert path.name == "two_replicas.py"
    assert [each.protocol for each in fencepost.prove(path).proofs] == ["TwoReplicas"]


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("protcol", "Mine", "unknown template 'protcol': expected one of cpp, program, protocol, sequencer"),
        ("protocol", "3", "'3' is no name: expected letters, digits, _ and -"),
        ("protocol", "a/b", "'a/b' is no name"),
        ("protocol", "", "'' is no name"),
        ("protocol", "There", r"there\.py is there already: expected another name, or another folder"),
    ],
)
def test_a_file_that_cannot_be_begun_is_refused(tmp_path: Path, kind: str, name: str, message: str) -> None:
    (tmp_path / "there.py").touch()
    with pytest.raises(InputError, match=message):
        new(kind, name, tmp_path)


@pytest.mark.parametrize("kind", kinds())
def test_every_template_names_a_command_and_a_line_to_delete(kind: str) -> None:
    assert commands_of(kinds()[kind])
    assert marked_line_number(kinds()[kind]) > 0
