"""Options mean the same in every command, and help is whole sentences at 80 columns, with an example each."""

from __future__ import annotations

import re
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fencepost.command_line import COMMANDS, GROUPS, WIDTH, cli
from fencepost.command_line.options import Choice, Seconds
from fencepost.model.contract import LEVELS
from fencepost.model.report import ENGINES

NAMED = {command.name or "": command for command in COMMANDS}
MEASURING = ("bench", "doctor")
"""What they measure is none of the engines; `bench` has commands of its own."""


def option(command: click.Command, name: str) -> Any:
    return next((each for each in command.params if name in each.opts), None)


def with_option(name: str) -> list[tuple[str, Any]]:
    found = [(verb, option(command, name)) for verb, command in NAMED.items() if verb not in MEASURING]
    return [(verb, each) for verb, each in found if each is not None]


def test_engines_are_called_the_same() -> None:
    found = with_option("--engine")
    assert {verb for verb, _ in found} >= {"check", "explore", "litmus", "mutants", "replay"}
    for verb, each in found:
        assert isinstance(each.type, Choice), verb
        assert {name.split("-")[0] for name in each.type.choices} <= {*ENGINES}, verb


def test_a_time_is_seconds_or_has_a_unit_everywhere() -> None:
    found = with_option("--timeout")
    assert {verb for verb, _ in found} >= {"check", "prove", "explore", "compare", "mutants", "litmus", "ablate"}
    assert all(isinstance(each.type, Seconds) for _, each in found)
    assert [Seconds().convert(each, None, None) for each in ("60", "60s", "5m", "0.5h")] == [60, 60, 300, 1800]
    for wrong in ("soon", "0", "-1", "10d", "nan"):
        with pytest.raises(click.BadParameter, match="expected a number of seconds such as 60s, or 5m, or 1h"):
            Seconds().convert(wrong, None, None)


def test_there_is_no_second_word_for_a_time_or_an_engine() -> None:
    for verb, command in NAMED.items():
        for each in command.params:
            assert not {"--budget", "--only-differences", "--tell", "--progress"} & {*each.opts}, verb


@pytest.mark.parametrize("name", ["--json", "--quiet"])
def test_flags_are_flags_everywhere(name: str) -> None:
    for verb, each in with_option(name):
        assert each.is_flag, verb
    verbs = {"check", "prove", "explore", "compare", "mutants", "simulate", "litmus", "ablate", "verify", "replay"}
    assert {verb for verb, _ in with_option(name)} >= verbs


def test_out_is_a_folder_and_jobs_and_seed_are_numbers_everywhere() -> None:
    for verb, each in with_option("--out"):
        assert each.type.dir_okay, verb
        assert not each.type.file_okay, verb
    for name in ("--jobs", "--seed"):
        for verb, each in with_option(name):
            assert isinstance(each.type, click.IntRange), (verb, name)


@pytest.mark.parametrize("verb", NAMED)
def test_help_has_an_example_and_fits_80_columns(verb: str) -> None:
    text = CliRunner().invoke(cli, [verb, "--help"]).stdout
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    assert re.search(rf"^  fencepost {verb}", text, re.MULTILINE), f"no example in the help of {verb}"


def within(group: click.Command, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the commands of a group, each with the names that lead to it."""
    if not isinstance(group, click.Group):
        return [path]
    with click.Context(group) as context:
        members = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return [each for name, member in members.items() if member for each in within(member, (*path, name))]


@pytest.mark.parametrize("path", [each for each in within(cli, ()) if len(each) > 1], ids=" ".join)
def test_a_command_within_a_group_has_an_example_that_names_it(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(cli, [*path, "--help"]).stdout
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    name = (
        "bench order4.mutex --against" if path == ("bench", "race") else " ".join(path)
    )  # it is `bench A --against B`
    assert re.search(rf"^  fencepost {name}", text, re.MULTILINE), f"no example in the help of {' '.join(path)}"


def test_commands_are_listed_in_groups_with_whole_sentences() -> None:
    text = CliRunner().invoke(cli, ["--help"]).stdout
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    places = [text.index(f"{title}:") for title in GROUPS]
    assert places == sorted(places)
    for verb in NAMED:
        assert re.search(rf"^  {verb} ", text, re.MULTILINE), verb
    assert "..." not in text.partition("\n")[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("explore", "order4.claim", "--engine", "nativ"), "did you mean native?"),
        (("replay", "x", "--engine", "simpy"), "expected one of z3, explorer, simulation, native"),
        (("chekc",), "check"),
        (("check", "--sed", "1"), "--seed"),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest(arguments: tuple[str, ...], message: str) -> None:
    ran = CliRunner().invoke(cli, arguments)
    assert ran.exit_code == 2
    assert message in ran.stderr


def test_sequencers_are_listed_with_a_sentence_each() -> None:
    for arguments in (["sequencers"], ["check", "--list"], ["simulate", "--list"], ["explore", "x", "--list"]):
        text = CliRunner().invoke(cli, arguments).stdout
        for level in LEVELS:
            assert f"level {level}" in text
        assert "order4.claim          Claim a client by compare-and-swap" in text
        assert "order5.split_counter      breaks unique" in text
        assert [line for line in text.splitlines() if len(line) > WIDTH] == []
