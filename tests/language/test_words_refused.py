"""What is refused is named by its own word: names of the language, sorts, promises of another level, protocols."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import pytest

import fencepost
from fencepost.model.contract import UNCOUNTED
from fencepost.model.errors import InputError, ProtocolError
from fencepost.model.language import NATURAL, Map, Protocol, Sort, every
from fencepost.model.language.protocol import words_of_the_language
from fencepost.model.language.sorts import RESERVED, hint_words

OWN = Path(__file__).parents[2] / "docs" / "own.md"
Shard = Annotated[int, Sort("Shard", numeric=False)]
Length = Annotated[int, Sort("Length")]


def test_the_document_lists_every_word_of_the_language() -> None:
    (words, others) = re.findall(
        r"words of the language, which[^:]*:(.*?)\. No sort is called (.*?)\.", OWN.read_text(), re.S
    )[0]
    assert re.findall(r"`(\w+)`", words) == words_of_the_language()
    assert re.findall(r"`(\w+)`", others) == [*RESERVED, NATURAL]


@pytest.mark.parametrize("name", sorted({*words_of_the_language(), "_bounds"} - {"name"}))
def test_every_word_of_the_language_is_refused_as_a_field(name: str) -> None:
    with pytest.raises(
        ProtocolError, match=f"Mine.{name} is a word of the language: expected another name than actions"
    ):
        type("Mine", (Protocol,), {"__annotations__": {name: Length}, name: 0})


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Shard, "Shard"),
        (Map[Shard, Length], "Map[Shard, Length]"),
        (list[Shard], "list[Shard]"),
        (Annotated[int, 3], "Annotated[int, 3]"),
        (None, "nothing"),
        (dict[str, tuple[Shard, int]], "dict[str, tuple[Shard, int]]"),
    ],
)
def test_an_annotation_is_named_as_it_was_written(hint: Any, words: str) -> None:
    assert hint_words(hint) == words


def test_no_message_prints_how_python_holds_a_sort() -> None:
    def made(hint: Any, start: Any) -> None:
        type("Mine", (Protocol,), {"__annotations__": {"held": hint}, "held": start})

    for hint, start in ((Map[Shard, Map[Shard, Length]], every(0)), (list[Shard], 0), (Annotated[int, 3], 0)):
        with pytest.raises(ProtocolError, match="Mine.held is declared as") as raised:
            made(hint, start)
        assert "typing." not in str(raised.value)
        assert "Sort(" not in str(raised.value)


@pytest.mark.parametrize("verb", ["check", "prove", "explore"])
@pytest.mark.parametrize(
    ("name", "property", "level"), [("order4.claim", "ring-order", 5), ("order5.epoch", "prefix", 4)]
)
def test_a_promise_of_the_other_level_is_answered_with_its_level(
    verb: str, name: str, property: str, level: int
) -> None:
    with pytest.raises(
        InputError, match=f"^{property} is promised at level {level}, and nothing that was asked shows it: "
    ):
        getattr(fencepost, verb)(name, property=property)


@pytest.mark.parametrize("verb", ["check", "prove", "explore"])
def test_a_promise_that_nothing_shows_is_answered_with_the_reason(verb: str) -> None:
    with pytest.raises(InputError, match=f"wait-free is promised at level 5, .* \\({UNCOUNTED}\\): expected one of"):
        getattr(fencepost, verb)("order5.fetch_add", property="wait-free")


def test_an_unknown_name_is_called_what_was_asked_for() -> None:
    for verb, noun in (("prove", "protocol"), ("check", "sequencer"), ("explore", "sequencer")):
        with pytest.raises(InputError, match=f"unknown {noun} .*'nope'"):
            getattr(fencepost, verb)("nope")


@pytest.mark.parametrize(
    "report",
    [
        lambda: fencepost.prove("order5.fetch_add"),
        lambda: fencepost.compare("order5.fetch_add", policy="attempts", examples=3),
        lambda: fencepost.ablate("publication"),
    ],
    ids=["prove", "compare", "ablate"],
)
def test_no_column_of_a_frame_is_without_a_type(report: Any) -> None:
    polars = pytest.importorskip("polars")
    frame = report().to_frame()
    assert polars.Null not in frame.dtypes
    assert frame["trace"].dtype == polars.String
    if "trace_length" in frame.columns:
        assert frame["trace_length"].dtype == polars.Int64
