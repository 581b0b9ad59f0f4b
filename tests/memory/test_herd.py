"""Tests in herd's format: what is read, what is decided, what is refused, and that conversion loses nothing."""

import os
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from commands import run

from fencepost import litmus
from fencepost.litmus_tests.herd import as_herd, observe, write
from fencepost.litmus_tests.run import ENGINES, decide_test, read_tests
from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer, LitmusTest, parse_test
from fencepost.model.litmus.condition import AND, NOT, OR, Atom, Condition
from fencepost.model.litmus.explore import Budget, outcomes
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.memory import Op, Program, matrix, profile
from fencepost.proofs.timestamps.ablation import ablate

SB = """X86_64 SB
"PodWR Fre PodWR Fre"
Com=Fr Fr
{ uint64_t x; uint64_t y; uint64_t 0:rax; }
 P0            | P1            ;
 movq $1,(x)   | movq $1,(y)   ;
 movq (y),%rax | movq (x),%rax ;
exists (0:rax=0 /\\ 1:rax=0)
"""
MP = """X86 MP (alias) ""
{ x=0; P1:EBX=7; };
 P0         | P1          ;
 mov [x], 1 | mov EAX, [y];
 mov [y],$1 | mov EBX,[x] ;
"""


def x86(*threads: str, asks: str, head: str = "X86 t", initial: str = "") -> str:
    """Return a test; each thread's instructions are separated by `;`."""
    cells = [[f"P{number}", *thread.split(";")] for number, thread in enumerate(threads)]
    height = max(map(len, cells))
    rows = [" | ".join(column[at] if at < len(column) else "" for column in cells) for at in range(height)]
    return f"{head}\n{{ {initial} }}\n" + "".join(f"{row} ;\n" for row in rows) + asks + "\n"


def x64(*threads: str, asks: str, head: str = "X86_64 t", initial: str = "") -> str:
    return x86(*threads, asks=asks, head=head, initial=initial)


@pytest.mark.parametrize(
    ("text", "observation"),
    [
        (SB, "Sometimes"),
        (SB.replace("movq (y)", "mfence ;|;\nmovq (y)").replace(";|;", "| mfence ;"), "Never"),
        (MP + "exists (1:EAX=1 /\\ 1:EBX=0)", "Never"),
        (MP + "~exists (1:EAX=1 /\\ 1:EBX=1);", "Sometimes"),
        (MP + "forall (1:EAX=1 => 1:EBX=1)", "Always"),
        (MP + "forall 1:EAX=0 \\/ 1:EBX=1 /\\ true", "Always"),
        (MP + "forall (not (1:EAX=1) \\/ 1:EBX<>0)", "Always"),
        (MP + "filter (1:EAX=1)\nexists (1:EBX=0)", "Never"),
        (MP + "locations [1:EAX; x; [y];]\nexists ([x]=1 /\\ 1:EBX==0)", "Sometimes"),
        (MP + "final (1:EAX = 1 /\\ 1:EBX = 0);\nwith\ntso: ~exists;\ndefault: exists;", "Never"),
        (MP + "locations [x;]\n(1:EAX=1 /\\ 1:EBX=0)\n<<\nshow 0 (* older tools\n>>", "Never"),
        (MP + "Observed\n 1:EAX=1; 1:EBX=0; and 1:EAX=0; 1:EBX=0;", "Sometimes"),
        (MP + "(* (* nested *) | ; { *) exists (* in it *) (P1:EAX=1 /\\ P1:EBX=1)", "Sometimes"),
        (x86("MOV EAX,$1;XCHG [x],EAX", "MOV EAX,$2;XCHG EAX,[x]", asks="exists (0:EAX=0 /\\ 1:EAX=0)"), "Never"),
        ("X86 t\n{}\nP0 | P1;\nLOCK; INC [x] | lock DEC [x];\nforall x=0", "Always"),
        (x64("movb $255,(x)", asks="forall (x=255 /\\ x=-1)"), "Always"),
        (x86("INC [x]", "DEC [x]", asks="forall x=0"), "Sometimes"),
        (x86("MOV EAX,$1;XCHG EAX,EBX", asks="forall (0:EAX=0 /\\ 0:EBX=1)"), "Always"),
        (x64("lock addq $2,(x)", "movq $3,%rbx;lock xaddq %rbx,(x)", asks="forall (x=5 /\\ not (1:rbx=1))"), "Always"),
        (x64("lock cmpxchgq (x),%rbx", asks="forall (x=4 /\\ 0:rax=0)", initial="0:rbx=4"), "Always"),
        (x64("lock cmpxchgq (x),%rbx", asks="forall (x=5 /\\ 0:rax=5)", initial="0:rbx=4; x=5"), "Always"),
        (x64("lock cmpxchgq %rbx,(x);je L;movq $9,(y);L:", asks="exists y=9", initial="0:rbx=4"), "Never"),
        (x64("movq $1,(%rbx);movq (x),%rax", asks="forall 0:rax=1", initial="0:rbx=x"), "Always"),
        (x64("movl $3,%ebx;movntil %ebx,(x);clflushopt (x);clwb (x);clflush (x);sfence;lfence", asks="forall x=3"),
         "Always"),
        (x64("mov $-1,%al;movq (x),%rcx", asks="forall 0:rax=255"), "Always"),
        (x64("movq $127,%rax;add $1,%al;js L;inc (x);L:", asks="forall (0:rax=128 /\\ x=0)"), "Always"),
        (x64("cmp $1,%rbx;shl $0,%rbx;jne L;inc (x);L:", asks="forall x=0"), "Always"),
        (x64("movq $-1,%rax;movl $2,%eax", asks="forall 0:rax=2"), "Always"),
        (x64("movq (x),%rax;cmp $1,%rax;je L1;L0: movq %rax,(y);ret;L1: movq $7,%rax;jmp L0", "movq $1,(x)",
             asks="exists (y=7 /\\ x=1)"), "Sometimes"),
        (x64("movq (x),%rax;andq $1,%rax;xorq $5,%rax", "movq $3,(x)", asks="exists 0:rax=4"), "Sometimes"),
        (x64("movq (x),%rax;movq (y),%rbx;addq %rbx,%rax", "movq $3,(x)", "movq $4,(y)", asks="exists 0:rax=7"),
         "Sometimes"),
        (x64("movq (x),%rax;cmp $2,%rax;jle L;inc (y);L:", "movq $3,(x)", asks="exists (0:rax=0 /\\ y=1)"), "Never"),
        (x64("nopl 0(%rax,%rax,0);endbr64;NOP", asks="forall 0:rip=0"), "Always"),
        ("X86 -- \n{}\nP0;\nMOV [x],$0x10;\nforall x=16", "Always"),
    ],
)  # fmt: skip
def test_every_engine_observes_what_the_instructions_say(text: str, observation: str) -> None:
    test = parse_test(text, "given.litmus")
    observed = observe(test)
    assert observed.observation == observation
    negated = test.herd is not None and test.herd.question.quantifier == "forall"
    reached = observation != "Always" if negated else observation != "Never"
    row = decide_test(test, "tso", "sdmC", ENGINES, Budget(), False)
    assert row.answers == {Answer.ALLOWED if reached else Answer.FORBIDDEN}
    defined = decide_test(test, "tso", "sdmC", ("explorer", "native"), Budget(), True)
    assert defined.answers == row.answers
    assert not row.notes
    assert not defined.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (x64("movsd", asks="exists x=1"), ":4:1: movsd: the instruction movsd is not supported"),
        (x64("movq $1,(x);cmovcq %rax,(x)", asks="exists x=1"), ":5:1: cmovcq %rax,(x): the instruction cmovcq is not"),
        (x86("MOV EZX,[x]", asks="exists x=1"), ":4:5: EZX: expected a register"),
        (x86("MOV $1,[x]", asks="exists x=1"), "a constant as target; the target stands first"),
        (x64("movq (x),$1", asks="exists x=1"), "a constant as target; the target stands last"),
        (x86("MOV [x],[y]", asks="exists x=1"), "two words of memory in one instruction"),
        (x86("MOV [x],$2147483648", asks="exists x=1"), ":4:9: $2147483648 is out of range"),
        (x64("movq $9223372036854775808000,(x)", asks="exists x=1"), "does not fit the 8 bytes"),
        (x86("MOV [x],$1", asks="exists x=9223372036854775808"), "9223372036854775808 is out of range"),
        ("AArch64 t\n{}\nP0;\nMOV W0,#1;\nexists 0:W0=1", ":1:1: a test for AArch64: not supported"),
        ("X86 t\n(* (* one ends *)\n{}\nP0;\nNOP;\nexists x=1", ":2:1: a comment without its end"),
        ("X86 t *)\n{}\nP0;\nNOP;\nexists x=1", ":1:7: `*)` ends no comment"),
        ("X86 t\n{\nP0;\nNOP;\nexists x=1", "an initial state without its end"),
        ("X86 t\nP0;\nNOP;\nexists x=1", "no initial state"),
        ("X86 t\n{}\nQ0;\nNOP;\nexists x=1", ":3:1: expected the name of a thread, P0"),
        ("X86 t\n{}\nP0;\nNOP|NOP;\nexists x=1", "2 columns in this row: the program has 1 threads"),
        ("X86 t\n{}\nP0;\nNOP\nexists x=1", "a row of instructions without its end"),
        (x86("L: MOV EAX,[x];CMP EAX,$1;JNE L", asks="exists x=1"), "a loop: jumps back are not supported"),
        (x86("MOV EAX,[x];JNE L", asks="exists x=1"), "no label L"),
        (x86("JNE L;L:", asks="exists x=1"), "no earlier instruction of the thread sets flags"),
        (x86("MOV [x],$1", asks="exists (3:EAX=1)"), "undeclared thread 3"),
        (x86("MOV [x],$1", asks="exists (0:EAX=1"), "expected )"),
        (x86("MOV [x],$1", asks="exists (0:EAX=)"), "expected a constant"),
        (x86("MOV [EAX],$1", asks="exists x=1"), "EAX holds no address of a word here"),
        (x64("movq $1,8(%rax)", asks="exists x=1"), "an address with an offset is not supported"),
        (x64("movq $1,(x)", asks="exists x=1", initial="int t[2]={1,2}"), "an array: not supported"),
        (x64("movq $1,(x)", asks="exists x=1", initial="x=y"), "pointers in memory are not supported"),
        (x64("movl $1,(x);movb $-1,(x)", asks="exists x=1"), "accessed with 1 and 4 bytes"),
        (x64("lock orq $1,(x)", asks="exists x=1"), "a locked or of anything but 0 is not supported"),
        (x86("MOV EAX,[x];ADD EAX,$2000000000", asks="exists 0:EAX=1"), "a sum of 2^30 and more"),
        (x86("MOV [x],$2000000000;MOV EAX,[x];INC EAX", asks="exists 0:EAX=1"), "sums of 2^30 and more could come"),
        (x64("lock cmpxchgl (x),%ebx", asks="exists x=1", initial="0:rax=1"), "a part of the accumulator"),
        (x64("lock movq $1,(x)", asks="exists x=1"), "no instruction that a lock prefix may stand before"),
        (x64("movq %eax,(x)", asks="exists x=1"), "operands of 4 and 8 bytes"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_test(text, "bad.litmus")
    assert str(caught.value).startswith("bad.litmus:")
    assert said in str(caught.value)


def test_a_test_that_asks_nothing_is_no_pass(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text(MP + "locations [1:EAX;]")
    with pytest.raises(InputError, match="asks nothing"):
        litmus([path])
    (test,) = read_tests([path])
    assert list(observe(test).states) == [(("1:EAX", 0),), (("1:EAX", 1),)]


def test_output_is_herds() -> None:
    assert as_herd(observe(parse_test(SB, "t"))) == (
        "Test SB Allowed\nStates 4\n0:rax=0; 1:rax=0;\n0:rax=0; 1:rax=1;\n0:rax=1; 1:rax=0;\n0:rax=1; 1:rax=1;\nOk\n"
        "Witnesses\nPositive: 1 Negative: 3\nCondition exists (0:rax=0 /\\ 1:rax=0)\nObservation SB Sometimes 1 3\n"
    )
    denied = as_herd(observe(parse_test(SB.replace("exists", "~exists"), "t")))
    assert denied.startswith("Test SB Forbidden\n")
    assert "\nNo\nWitnesses\nPositive: 3 Negative: 1\n" in denied
    assert "\nObservation SB Sometimes 1 3\n" in denied


def test_what_no_final_state_says_is_not_listed() -> None:
    for name in ("px86", "ncx-crash"):
        with pytest.raises(InputError, match="final states only"):
            observe(parse_test(SB, "t"), profile=name)
    with pytest.raises(InputError, match="not in herd's format"):
        observe(parse_test("H0: W x 1\nbad x=1", "t"))


def test_files_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "sb.txt").write_text("\n(* first *)\n" + SB)
    (tmp_path / "own.litmus").write_text("H0: W x 1\nbad x=1")
    (tmp_path / "mp.litmus").write_text(MP + "exists (1:EAX=1 /\\ 1:EBX=0)")
    (tmp_path / "inner" / "@all").write_text("# mine\nsb.txt\n../own.litmus # ours\n")
    (tmp_path / "@all").write_text("inner/@all\nmp.litmus\n")
    rows = litmus(tmp_path / "@all", engine="native").rows
    assert [(row.name, row.profile) for row in rows] == [("SB", "tso"), ("own", "ncx"), ("MP", "tso")]
    assert len(litmus(tmp_path, engine="native").rows) == 2
    (tmp_path / "@again").write_text("@again")
    with pytest.raises(InputError, match="a list that names itself"):
        litmus([tmp_path / "@again"])
    (tmp_path / "@empty").write_text("# nothing")
    with pytest.raises(InputError, match="names no file"):
        litmus([tmp_path / "@empty"])


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a pipe, which may never end"):
        litmus([tmp_path / "pipe"])


def test_threads_are_on_one_host_until_they_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "mp"
    path.write_text(MP + "exists (1:EAX=1 /\\ 1:EBX=0)")
    (alone,) = litmus(path, profile="ncx").rows
    assert alone.answers == {Answer.FORBIDDEN}
    assert any("--hosts" in each for each in alone.lints)
    (apart,) = litmus(path, hosts="P0=0,P1=1").rows
    assert (apart.profile, apart.answers, apart.lints) == ("ncx", {Answer.ALLOWED}, ())
    again = parse_test(apart.test.text, "again")
    assert again.program == apart.test.program
    for wrong in ("P0=0,P7=1", "P0", "P0=0,P0=1"):
        with pytest.raises(InputError, match="--hosts"):
            litmus([path], hosts=wrong)
    own = tmp_path / "own"
    own.write_text("H0: W x 1\nbad x=1")
    with pytest.raises(InputError, match="leave out --hosts"):
        litmus([own], hosts="P0=0")


def test_a_test_is_asked_about_crashes_and_its_fences_ablated() -> None:
    text = x64("movq $1,(x);clflushopt (x);sfence;movq $1,(y)", asks="exists (y=1 /\\ x=0)")
    test = parse_test(text, "t")
    for name, engines in (("px86", ENGINES), ("ncx-crash", ("explorer", "native"))):
        row = decide_test(test, name, "sdmC", engines, Budget(), False)
        assert row.answers == {Answer.FORBIDDEN}
        bare = parse_test(text.replace("sfence ;\n", "").replace("clflushopt (x) ;\n", ""), "t")
        assert decide_test(bare, name, "sdmC", engines, Budget(), False).answers == {Answer.ALLOWED}
    (found,) = ablate(test, profile("px86"), matrix("sdmC"))
    assert [(each.text, each.role) for each in found.slots] == [
        ("0: clflushopt (x)", "required"),
        ("0: sfence", "required"),
    ]


# --- conversion ---


def condition(random: Random, program: Program) -> Condition:
    items: list[Atom | str] = []
    for index in range(random.randint(1, 4)):
        threads = [number for number, thread in enumerate(program.threads) if thread.registers]
        equal, value = random.random() < 0.8, random.randint(0, 2)
        if threads and random.random() < 0.7:
            thread = random.choice(threads)
            items.append(Atom(thread, random.randrange(len(program.threads[thread].registers)), -1, value, equal))
        else:
            line = random.randrange(len(program.lines))
            items.append(Atom(-1, random.randrange(len(program.lines[line].words)), line, value, equal))
        items += [NOT] if random.random() < 0.2 else []
        items += [random.choice((AND, OR))] if index else []
    return Condition(tuple(items), "drawn")


def drawn(seed: int, *, portable: bool) -> LitmusTest:
    """Return a test; a portable one has no instruction that x86 lacks."""
    random = Random(seed)
    shape = Shape(hosts=random.choice((1, 2)), instructions=5)
    missing = (Op.MRMW, Op.PF, Op.IFEQ) if portable else ()
    program = draw(random, replace(shape, ops=tuple(op for op in shape.ops if op not in missing)))
    expect = random.choice((None, Answer.ALLOWED, Answer.FORBIDDEN))
    profiles = random.choice((("tso",), ("ncx", "px86")))
    return LitmusTest("drawn", "t", profiles, program, condition(random, program), expect, why="a reason")


def shape_of(program: Program) -> object:
    """Return a program without its names."""
    threads = [(each.host, each.instructions, len(each.registers)) for each in program.threads]
    return threads, [(len(line.words), line.initial) for line in program.lines], program.hosts


@pytest.mark.parametrize("format", ["fencepost", "herd"])
def test_a_test_that_is_written_is_read_as_the_same(format: str) -> None:
    for seed in range(300):
        test = drawn(seed, portable=format == "herd")
        text = write(test, format)
        again = parse_test(text, "t")
        assert (again.herd is not None) is (format == "herd")
        assert shape_of(again.program) == shape_of(test.program), text
        assert again.bad.items == test.bad.items, text
        assert (again.profiles, again.expect, again.why) == (test.profiles, test.expect, test.why), text


def test_jumps_are_written_so_that_the_ends_are_the_same() -> None:
    jumped = 0
    for seed in range(400):
        test = drawn(seed, portable=False)
        if any(each.op in (Op.MRMW, Op.PF) for thread in test.program.threads for each in thread.instructions):
            with pytest.raises(InputError, match="no form in herd's format"):
                write(test, "herd")
            continue
        jumped += any(each.op is Op.IFEQ for thread in test.program.threads for each in thread.instructions)
        again = parse_test(write(test, "herd"), "t")
        for name in ("tso", "ncx-nospec"):
            answers = {
                str(decide_test(each, name, "sdmC", ("native",), Budget(), False).answers) for each in (test, again)
            }
            assert len(answers) == 1, write(test, "herd")
    assert jumped > 5


def test_herds_tests_end_the_same_in_fenceposts_format() -> None:
    for text in (SB, MP + "forall (1:EAX=1 => 1:EBX=1)", MP + "~exists (1:EAX=1 /\\ not (1:EBX=1))"):
        test = parse_test(text, "t")
        for format in ("fencepost", "herd"):
            again = parse_test(write(test, format), "t")
            ends = [outcomes(each.program, profile("tso"), matrix("sdmC")) for each in (test, again)]
            assert ends[0] == ends[1]
            assert again.expect == test.expect
        observations = {observe(parse_test(write(test, "herd"), "t")).observation, observe(test).observation}
        assert len(observations) == 1


# --- the command line ---


def test_the_command_line_prints_as_herd_and_exits_as_herd(tmp_path: Path) -> None:
    (tmp_path / "sb").write_text(SB)
    (tmp_path / "loop").write_text(x86("L: JMP L", asks="exists x=1"))
    (tmp_path / "@all").write_text("sb\nloop\nmissing\n")
    said = run("litmus", "--herd", str(tmp_path / "@all"))
    assert said.returncode == 2
    assert said.stdout == as_herd(observe(parse_test(SB, "t"))) + "\n"
    assert "a loop" in said.stderr
    assert "missing: No such file" in said.stderr
    denied = run("litmus", "--herd", "-", given=SB.replace("exists", "~exists"))
    assert (denied.returncode, "\nNo\n" in denied.stdout) == (0, True)
    assert run("litmus", "-", "--quiet", given=SB.replace("exists", "~exists")).returncode == 1
    assert run("litmus", "--herd", "-", "--states", "2", given=SB).returncode == 3
    assert run("litmus", "--herd", "-", "--json", given=SB).returncode == 2


def test_the_command_line_converts_explores_and_ablates(tmp_path: Path) -> None:
    path = tmp_path / "sb"
    path.write_text(SB)
    there = run("litmus", str(path), "--hosts", "P0=0,P1=1", "--write", "fencepost")
    assert (
        there.stdout
        == "name      SB\nprofile   ncx\nH0: W x 1; R rax y\nH1: W y 1; R rax x\nbad       0:rax=0 & 1:rax=0\n"
    )
    back = run("litmus", "-", "--write", "herd", given=there.stdout)
    assert "Fencepost.hosts=P0:0" not in back.stdout
    assert "Fencepost.hosts=P0=0,P1=1\n" in back.stdout
    assert run("litmus", str(path), str(tmp_path), "--write", "herd").returncode == 2
    explored = run("explore", str(path), "--hosts", "P0=0,P1=1", "--quiet", "--out", str(tmp_path / "out"))
    assert explored.returncode == 1
    (trace,) = (tmp_path / "out").glob("*.itf.json")
    assert "verdict=violated" in run("replay", str(trace)).stdout
    fenced = x64(
        "movq $1,(x);mfence;movq (y),%rax", "movq $1,(y);mfence;movq (x),%rax", asks="~exists (0:rax=0 /\\ 1:rax=0)"
    )
    path.write_text(fenced)
    ablated = run("ablate", str(path))
    assert ablated.returncode == 0
    assert "{0: mfence, 1: mfence}" in ablated.stdout
