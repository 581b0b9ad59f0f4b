"""`bench layout`: what it finds in the layout of 09ae22d, nothing in fencepost's own, and what compilers say."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fencepost.bench import layout
from fencepost.bench.layouts.debug_info import compiled_structures
from fencepost.bench.layouts.description import Description, Field, Structure, parse_description, read_description
from fencepost.bench.layouts.findings import Laid, duration, lay_out
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError

COMPILER = shutil.which("c++")
compiled = pytest.mark.skipif(COMPILER is None, reason="what a compiler lays out needs a compiler")
SEED = Path(__file__).parents[2] / "src" / "fencepost" / "bench" / "layouts" / "embarcadero-09ae22d.toml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", "layout", *map(str, arguments)], catch_exceptions=False)


def laid(text: str, rate: float = 9.6e6) -> tuple[Laid, ...]:
    return lay_out(parse_description(text), {}, rate)


def found(text: str, rate: float = 9.6e6) -> set[tuple[str, str]]:
    """Return structure and kind of each finding."""
    return {(finding.structure, finding.kind) for each in laid(text, rate) for finding in each.faults}


# --- 09ae22d ---


def test_the_five_faults_of_09ae22d_are_found() -> None:
    sentences = [f"{each.target}: {each.explanation}" for each in layout("09ae22d", messages_per_second=9.6e6).findings]
    assert sentences == [
        "batch header: takes 128 bytes, where documents say 64",
        "batch header: its 68 bytes lie on 2 lines: batch_complete, at 64, is alone on line 1, and vouches for line 0",
        "progress entry: takes 1,024 bytes, where its comment says 512",
        "progress entry: the 32 of replication_done, at 32..159, lie on 3 lines, of which replica flushes 1",
        "progress entry: line 0 (log_offset, batch_headers_offset, written, written_addr, replication_done) is written "
        "by 3 hosts: broker and sequencer and other brokers",
        "progress entry: replication_done, a signed 32-bit count of messages, overflows after 3.73 min at 9.6e+06 a "
        "second",
        "progress entry: ordered, a signed 32-bit count of messages, overflows after 3.73 min at 9.6e+06 a second",
    ]


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ("stated_bytes = 64", "stated_bytes = 128", ("batch header", "stated-size")),
        ('offset = 64, type = "u32"', 'offset = 16, type = "u32"', ("batch header", "guard-apart")),
        ("stated_bytes = 512", "stated_bytes = 1024", ("progress entry", "stated-size")),
        ("count = 32", "count = 8", ("progress entry", "partly-flushed")),
        (
            'by = "replica", at = "replication_done"',
            'by = "scanner", at = "ordered"',
            ("progress entry", "partly-flushed"),
        ),
    ],
)
def test_what_is_repaired_is_found_no_more(before: str, after: str, gone: tuple[str, str]) -> None:
    text = SEED.read_text()
    if "offset = 16" in after:  # the flag where another field is, which moves to the second line and is not vouched for
        text = text.replace('guards = ["*"]', 'guards = ["batch_seq", "num_msg"]')
        text = text.replace('name = "start_logical_offset", offset = 16', 'name = "start_logical_offset", offset = 72')
    assert gone in found(text)
    assert before in text
    assert gone not in found(text.replace(before, after))


def test_a_line_of_one_host_and_a_wider_counter_are_nothing_to_find() -> None:
    text = SEED.read_text()
    assert ("progress entry", "several-writers") in found(text)
    one_host = text.replace('scanner = "sequencer"', 'scanner = "broker"').replace("other brokers", "broker")
    assert ("progress entry", "several-writers") not in found(one_host)
    wide = text.replace('"i32", count = 32', '"i64", count = 16').replace('512, type = "i32"', '512, type = "i64"')
    assert ("progress entry", "overflow") not in found(wide)
    assert ("progress entry", "overflow") not in found(text, rate=5.0)  # 2^31 / 5 a second: 13.6 years


# --- rules, on layouts that are drawn ---


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    """Fields one behind the other, with gaps."""
    offset, fields = 0, []
    for number in range(draw(st.integers(1, 8))):
        offset += draw(st.integers(0, 20))
        field = Field(
            name=f"f{number}", offset=offset, type=draw(st.sampled_from(["u8", "i16", "u32", "i64"])),
            count=draw(st.integers(1, 20)), writers=draw(st.sampled_from([(), ("a",), ("b",), ("a", "b")])),
        )  # fmt: skip
        fields.append(field)
        offset += field.size or 0
    return Structure(name="drawn", fields=tuple(fields), stride=offset)


@given(structure=structures(), line_bytes=st.sampled_from([32, 64, 128]))
def test_lines_and_padding_add_up(structure: Structure, line_bytes: int) -> None:
    of = Description(name="drawn", structures=(structure,), line_bytes=line_bytes, hosts={"a": "A", "b": "B"})
    (each,) = lay_out(of, {}, 1.0)
    assert each.used_bytes == structure.stride
    assert each.padding_bytes == structure.stride - sum(field.size or 0 for field in structure.fields)
    for line in each.lines:
        on_it = range(line.number * line_bytes, (line.number + 1) * line_bytes)
        there = [f for f in structure.fields if f.offset is not None and f.size and _meet(f.offset, f.size, on_it)]
        assert line.fields == tuple(field.name for field in there)
        hosts = {host.upper() for field in there for host in field.writers}
        assert set(line.writing_hosts) == hosts
        assert any(f"line {line.number} " in finding.sentence for finding in each.faults
                   if finding.kind == "several-writers") == (len(hosts) > 1)  # fmt: skip


def _meet(offset: int, size: int, line: range) -> bool:
    return offset < line.stop and line.start < offset + size


@given(offset=st.integers(0, 200), size=st.sampled_from([1, 2, 4, 8]))
def test_a_word_on_two_lines_is_found(offset: int, size: int) -> None:
    field = Field(name="word", offset=offset, type=f"u{8 * size}")
    of = Description(name="one", structures=(Structure(name="s", fields=(field,), stride=offset + size),))
    (each,) = lay_out(of, {}, 1.0)
    kinds = [finding.kind for finding in each.faults]
    assert kinds == (["straddles"] if offset // 64 != (offset + size - 1) // 64 else [])


def test_a_time_is_said_in_the_unit_that_fits() -> None:
    words = [duration(s) for s in (3.0, 215.0, 9000.0, 1e6, 1e9)]
    assert words == ["3 s", "3.58 min", "2.5 h", "11.6 days", "31.7 years"]


# --- what compilers lay out ---


@pytest.fixture
def header(tmp_path: Path) -> Path:
    path = tmp_path / "shared.hpp"
    path.write_text(
        "#include <atomic>\n#include <cstdint>\n"
        "struct alignas(64) Header { std::uint64_t seq; std::int32_t ordered; std::atomic<std::uint32_t> done;\n"
        "  std::int32_t replicas[4]; };\n"
        "class Hidden { public: std::uint8_t shown; private: std::uint16_t kept;\n"
        "  struct Inner { int x; }; Inner inner; };\n"
    )
    return path


def compiled_object(header: Path, *flags: str) -> Path:
    assert COMPILER is not None
    source, target = header.with_suffix(".cpp"), header.with_suffix(".o")
    source.write_text(f'#include "{header.name}"\nHeader one; Hidden two;\n')
    subprocess.run([COMPILER, "-std=c++20", *flags, "-c", str(source), "-o", str(target)], check=True)
    return target


DESCRIBED = """
name = "mine"
hosts = {a = "A"}
per_message = {messages = 1.0}
[[structures]]
name = "header"
type = "Header"
stride = 64
align = 64
fields = [
  {name = "seq", offset = 0, type = "u64", counts = "messages"},
  {name = "ordered", offset = 8, type = "i32", counts = "messages"},
  {name = "done", type = "u32"},
  {name = "replicas", type = "i32", count = 4},
]
"""


@compiled
def test_debug_info_says_where_the_compiler_put_everything(header: Path) -> None:
    made = compiled_structures(compiled_object(header, "-g"))
    members = {each.name: (each.offset, each.size, each.is_signed) for each in made["Header"].members}
    assert (made["Header"].size, made["Header"].align) == (64, 64)
    assert members == {"seq": (0, 8, False), "ordered": (8, 4, True), "done": (12, 4, None), "replicas": (16, 16, True)}
    assert [each.is_private for each in made["Hidden"].members] == [False, True, True]
    assert made["Hidden::Inner"].is_private


@compiled
@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("offset = 8, ", "offset = 12, ", "offset of ordered: described as 12, compiled as 8"),
        ("stride = 64", "stride = 128", "size: described as 128, compiled as 64"),
        ("align = 64", "align = 8", "alignment: described as 8, compiled as 64"),
        ('type = "i32", count = 4', 'type = "i64", count = 4', "size of replicas: described as 32, compiled as 16"),
        (
            'offset = 8, type = "i32"',
            'offset = 8, type = "u32"',
            "sign of ordered: described as False, compiled as True",
        ),
    ],
)
def test_a_description_that_the_compiler_contradicts_is_a_finding(
    header: Path, tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    elf = compiled_object(header, "-g")
    path = tmp_path / "mine.toml"
    path.write_text(DESCRIBED)
    assert [each.property for each in layout(path, elf=elf, messages_per_second=1e6).findings] == ["overflow"]
    path.write_text(DESCRIBED.replace(before, after))
    mismatches = [each.explanation for each in layout(path, elf=elf, messages_per_second=1.0).findings]
    assert sentence in mismatches


@compiled
def test_static_assertions_hold_for_the_code_and_for_no_other(header: Path, tmp_path: Path) -> None:
    assert COMPILER is not None
    path, asserting = tmp_path / "mine.toml", tmp_path / "layout.hpp"
    path.write_text(DESCRIBED)
    result = run(path, "--elf", compiled_object(header, "-g"), "--rate", 1, "--assertions", asserting, "--quiet")
    assert result.exit_code == 0
    source = tmp_path / "checks.cpp"
    source.write_text(f'#include "{header.name}"\n#include "layout.hpp"\n')
    command = [COMPILER, "-std=c++20", "-fsyntax-only", str(source)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    header.write_text(header.read_text().replace("std::uint64_t seq; std::int32_t", "std::int32_t"))
    header.write_text(header.read_text().replace("std::atomic<", "std::uint64_t seq; std::atomic<"))
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "offset of seq" in refused.stderr


@compiled
def test_fencepost_itself_is_compiled_and_nothing_is_found() -> None:
    found_in = layout("fencepost", messages_per_second=1e9)
    assert found_in.verdict is Verdict.NOT_FOUND
    slot = found_in.structures[0]
    assert [(each.field.name, each.offset, each.size) for each in slot.fields] == [("guard", 0, 8), ("value", 8, 40)]
    text = found_in.assertions()
    assert "::Slot is private" in text
    assert "static_assert(sizeof(Type2) == 64" in text


# --- bad input, and the command ---


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("offset = 8, ", "offset = 4, ", r"header: seq at 0\.\.7 overlaps ordered at 4, expected fields apart"),
        ("stride = 64", "stride = 8", r"header: ordered ends at 12, expected within the stride of 8"),
        ('"u64"', '"f64"', r"header\.seq: type is 'f64', expected one of u8, u16"),
        (
            'counts = "messages"}',
            'counts = "votes"}',
            r"unknown counts of .*header\.seq: 'votes': expected one of messages",
        ),
        ('name = "done"', 'name = "done", writers = ["z"]', r"unknown role of .*header\.done: 'z': expected one of a"),
        ('name = "done"', 'name = "seq"', "header: two fields are called 'seq'"),
        ('name = "done"', 'name = "done", offst = 3', "unknown field `offst`"),
        ('type = "Header"', "", "header.done: has no offset or no type, expected both"),
        ("stride = 64", "stride = 0", "stride is 0, align 64, expected at least 1"),
        ('name = "mine"', 'name = "mine"\nline_bytes = 60', "line_bytes is 60, expected a power of 2"),
        ("[[structures]]", "[[structures", "is no TOML"),
    ],
)
def test_a_description_that_cannot_be_is_refused(before: str, after: str, message: str) -> None:
    assert before in DESCRIBED
    with pytest.raises(InputError, match=message):
        parse_description(DESCRIBED.replace(before, after))


@compiled
def test_files_without_debug_info_and_types_that_are_not_there_are_refused(header: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no debug info, expected a file compiled with -g"):
        compiled_structures(compiled_object(header))
    with pytest.raises(InputError, match="is no ELF file"):
        compiled_structures(header)
    with pytest.raises(InputError, match=r"none\.o: cannot be read"):
        compiled_structures(tmp_path / "none.o")
    path = tmp_path / "mine.toml"
    path.write_text(DESCRIBED.replace('type = "Header"', 'type = "Heder"'))
    with pytest.raises(InputError, match="unknown type of header: 'Heder': expected one of"):
        layout(path, elf=compiled_object(header, "-g"), messages_per_second=1.0)
    path.write_text(DESCRIBED.replace('name = "done"', 'name = "dne"'))
    with pytest.raises(InputError, match="unknown field of Header 'dne': expected one of seq, ordered, done"):
        layout(path, elf=compiled_object(header, "-g"), messages_per_second=1.0)


def test_names_files_and_rates_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: no such file: expected fencepost or 09ae22d, or"):
        read_description(tmp_path / "none.toml")
    with pytest.raises(InputError, match="messages_per_second is 0: expected more than 0"):
        layout("09ae22d", messages_per_second=0)
    with pytest.raises(InputError, match="no structure has a `type`"):
        layout("09ae22d", messages_per_second=1.0).assertions()


def test_the_command_measures_the_rate_and_exits_1_where_something_is_wrong(tmp_path: Path) -> None:
    result = run("09ae22d", "--quick", "--quiet", "--out", tmp_path)
    assert result.exit_code == 1
    assert "rate: " in result.stdout
    assert "messages/s (native pipeline, median of 10 repetitions" in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith("verdict=violated property=stated-size seed=- trace=- structures=3 findings=")
    document = json.loads((tmp_path / "layout.json").read_text())
    assert (document["schema"], document["verdict"]) == ("fencepost/bench/2", "violated")
    kinds = [finding["kind"] for item in document["results"] for finding in item["findings"]]
    assert set(kinds) == {"stated-size", "guard-apart", "partly-flushed", "several-writers", "overflow"}
    assert document["results"][0]["lines"][1]["fields"] == ["batch_complete"]
