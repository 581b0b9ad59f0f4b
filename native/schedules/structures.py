"""The shared structures in the stepped build: programs on the way in, names of lines on the way out."""

from __future__ import annotations

from typing import Any

from fencepost.model.errors import InputError
from fencepost.model.memory import Matrix, Profile
from fencepost.model.programs.structures import Structure
from fencepost.native import _core
from fencepost.native.schedules.stepped import Disagreement, Names, orders_of, switches_of


def native_structure(
    structure: Structure, profile: Profile, matrix: Matrix, native: Any = _core
) -> tuple[_core.Structure, Names]:
    """Return the program of a structure in the stepped build, and what its numbers stand for.

    Raises InputError for what the build does not have, and Disagreement where its template lays the structure out in
    other lines, or with other values at first, than the model.
    """
    switches = switches_of(profile)
    try:
        made: _core.Structure = native.Structure(
            name=structure.name, numbers=list(structure.numbers), profile=switches, matrix=orders_of(matrix)
        )
    except native.Refused as refused:
        raise InputError(str(refused)) from None
    mine = [[each.initial.get(word, 0) for word in each.words] for each in structure.lines]
    theirs = made.lines()
    if mine != theirs:
        raise Disagreement(f"{structure.name} is laid out as {mine} in the model, as {theirs} in the native build")
    hosts = (0,) if profile.one_host else tuple(range(1 + max(each.host for each in structure.threads)))
    words = {str(each.line[0]): each.words for each in structure.lines}
    return made, Names(tuple(each.line for each in structure.lines), hosts, words=words)
