"""The spec of an experiment: a file of TOML, read whole and refused with the path of what is wrong in it.

[experiment]            name, seed, replications, and the limits of one trial
[[sweep]]               name, engine, and its parameters: a list is an axis, the trials are the product of all axes
[[figure]]              what to draw of a sweep
claims = ["C7"]         in [experiment]: what the report says of the findings' claims
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from fencepost.experiments.parameters import PARAMETERS, check_value, converted, is_table
from fencepost.model.documents import decoded, text_of
from fencepost.model.errors import InputError, expected_of

KIND = "spec of an experiment in TOML"
Kind = Literal[
    "latency-load", "throughput-contention", "cdf", "paired-difference", "stages", "heat-map", "detection-matrix"
]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
TRIALS_MOST = 100_000
"""Without --max-trials."""
COMBINATIONS_MOST = 2_000
"""So many combinations of a sweep's values are tried on its engine when a spec is read; of more, each value once."""


class Experiment(Struct, frozen=True):
    """The table [experiment]."""

    name: str
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    replications: Annotated[int, Meta(ge=1, le=1_000_000)] = 5
    trial_timeout_s: Annotated[float, Meta(gt=0.0, le=1e6)] = 600.0
    trial_memory_mib: Annotated[int, Meta(ge=64, le=1_048_576)] = 4_096
    claims: tuple[str, ...] = ()


class Sweep(Struct, frozen=True):
    """Trials of one engine: `fixed` parameters, and `axes` in the order of the file."""

    name: str
    engine: str
    fixed: dict[str, Any]
    axes: dict[str, tuple[Any, ...]]

    @property
    def combination_count(self) -> int:
        """How many combinations the values of the axes have."""
        return prod(map(len, self.axes.values()))

    def combination(self, index: int) -> dict[str, Any]:
        """Return the parameters of a combination by its index; the last axis changes fastest."""
        chosen: dict[str, Any] = {}
        for name, values in reversed(self.axes.items()):
            index, at = divmod(index, len(values))
            chosen[name] = values[at]
        return {**self.fixed, **{name: chosen[name] for name in self.axes}}

    @property
    def columns(self) -> tuple[str, ...]:
        """The parameters that are values, in the order of the file."""
        return tuple(name for name in (*self.fixed, *self.axes) if not is_table(self.engine, name))


class FigureTable(Struct, frozen=True):
    """A table [[figure]]: what is drawn of a sweep. `x`, `y` and `by` name parameters, or figures of the trials."""

    kind: Kind
    sweep: str
    x: str | None = None
    y: str | None = None
    by: str | None = None
    title: str | None = None


class Spec(Struct, frozen=True):
    """An experiment: its sweeps, each combination of whose values runs `replications` times."""

    name: str
    seed: int
    replications: int
    trial_timeout_s: float
    trial_memory_mib: int
    sweeps: tuple[Sweep, ...]
    figures: tuple[FigureTable, ...] = ()
    claims: tuple[str, ...] = ()

    @property
    def trial_count(self) -> int:
        """How many trials there are."""
        return self.replications * sum(each.combination_count for each in self.sweeps)

    def sweep(self, name: str) -> Sweep:
        """Return a sweep by its name; InputError: there is none."""
        found = next((each for each in self.sweeps if each.name == name), None)
        if found is None:
            raise InputError(f"unknown sweep {name!r}: {expected_of(name, [each.name for each in self.sweeps])}")
        return found

    def to_json(self) -> str:
        """Return the spec as a store keeps it."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """Return the spec that a store keeps."""
        return msgspec.json.decode(text, type=cls)

    def identity(self) -> str:
        """Return a digest of all that decides which trials there are; figures and claims are drawn of what has run."""
        what = msgspec.structs.replace(self, figures=(), claims=())
        return hashlib.sha256(json.dumps(msgspec.to_builtins(what)).encode()).hexdigest()


def read_spec(path: str | Path) -> Spec:
    """Return the spec of a file; InputError names the file, the path of the value, and what was expected.

    >>> fencepost.read_spec(fencepost.new_experiment("smoke")).name
    'smoke'
    """
    return parse_spec(text_of(Path(path), f"a {KIND}"), str(path))


def parse_spec(text: str, source: str = "spec.toml") -> Spec:
    """Return the spec that a text says; `source` names it in errors.

    >>> text = 'experiment.name = "e"\\nsweep = [{name = "s", engine = "simulation", clients = [1, 2]}]'
    >>> fencepost.parse_spec(text).trial_count
    10
    """
    document = decoded(text, msgspec.toml.decode, source, KIND)
    _known(document, ("experiment", "sweep", "figure"), source, "$")
    head = document.get("experiment")
    if not isinstance(head, dict):
        raise InputError(f"{source}: $.experiment: expected a table [experiment] with a name")
    experiment = _table(head, Experiment, source, "$.experiment")
    converted(experiment.name, Name, f"{source}: $.experiment.name")
    sweeps = tuple(_sweeps(document.get("sweep"), source))
    figures = tuple(
        _figure(each, index, sweeps, source) for index, each in enumerate(_tables(document, "figure", source))
    )
    return Spec(
        experiment.name, experiment.seed, experiment.replications, experiment.trial_timeout_s,
        experiment.trial_memory_mib, sweeps, figures, _claims(experiment.claims, source),
    )  # fmt: skip


def check_trial_count(spec: Spec, most: int) -> None:
    """Refuse more trials than are allowed. Raises InputError with the count and how it comes about."""
    if spec.trial_count > most:
        sizes = ", ".join(f"{each.name} {each.combination_count}" for each in spec.sweeps)
        raise InputError(
            f"{spec.name} has {spec.trial_count} trials ({sizes}, each {spec.replications} times): expected at most "
            f"{most}; take values out of the axes, or allow more with --max-trials {spec.trial_count}"
        )


def _known(table: Mapping[str, Any], names: tuple[str, ...], source: str, where: str) -> None:
    for key in table:
        if key not in names:
            raise InputError(f"{source}: {where}.{key}: unknown key: {expected_of(key, names)}")


def _tables(document: Mapping[str, Any], name: str, source: str) -> list[dict[str, Any]]:
    found = document.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InputError(f"{source}: $.{name}: expected tables [[{name}]], got {found!r:.60}")
    return found


def _table(table: Mapping[str, Any], kind: type[Any], source: str, where: str) -> Any:
    """Return a table of the file as its struct, each value checked by itself."""
    kinds = get_type_hints(kind, include_extras=True)
    _known(table, tuple(kinds), source, where)
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in table:
            raise InputError(f"{source}: {where}.{field.name}: expected a value, got none")
    return kind(**{key: converted(value, kinds[key], f"{source}: {where}.{key}") for key, value in table.items()})


def _claims(claims: tuple[str, ...], source: str) -> tuple[str, ...]:
    from fencepost.ledger import CLAIMS

    known = list(CLAIMS)
    for index, each in enumerate(claims):
        if each not in known:
            raise InputError(
                f"{source}: $.experiment.claims[{index}]: expected a claim ({', '.join(known)}), got {each!r}"
            )
    return claims


def _sweeps(found: Any, source: str) -> Iterator[Sweep]:
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise InputError(f"{source}: $.sweep: expected one table [[sweep]] or more: without one there is no trial")
    seen: set[str] = set()
    for index, table in enumerate(found):
        sweep = _sweep(dict(table), f"$.sweep[{index}]", source)
        if sweep.name in seen:
            raise InputError(f"{source}: $.sweep[{index}].name: expected a name of its own, got {sweep.name!r} again")
        seen.add(sweep.name)
        yield sweep


def _sweep(table: dict[str, Any], where: str, source: str) -> Sweep:
    place = f"{source}: {where}"
    for key in ("name", "engine"):
        if key not in table:
            raise InputError(f"{place}.{key}: expected a value, got none")
    name, engine = converted(table.pop("name"), Name, f"{place}.name"), table.pop("engine")
    if engine not in PARAMETERS:
        raise InputError(f"{place}.engine: {expected_of(str(engine), list(PARAMETERS))}, got {engine!r}")
    fixed: dict[str, Any] = {}
    axes: dict[str, tuple[Any, ...]] = {}
    for key, value in table.items():
        if isinstance(value, list):
            axes[key] = _axis(engine, key, value, f"{place}.{key}")
        else:
            fixed[key] = check_value(engine, key, value, f"{place}.{key}")
    sweep = Sweep(name, engine, fixed, axes)
    _refuse_what_no_engine_takes(sweep, place)
    return sweep


def _axis(engine: str, key: str, values: list[Any], place: str) -> tuple[Any, ...]:
    if not values:
        raise InputError(f"{place}: expected one value or more, got none: the sweep would have 0 trials")
    if is_table(engine, key):
        raise InputError(f"{place}: expected a table, got a list: no axis goes over it")
    found = tuple(check_value(engine, key, each, f"{place}[{index}]") for index, each in enumerate(values))
    for index, each in enumerate(found):
        if each in found[:index]:
            raise InputError(f"{place}[{index}]: expected another value than before, got {each!r} again")
    return found


def _refuse_what_no_engine_takes(sweep: Sweep, place: str) -> None:
    """Ask the engine about the combinations. Raises InputError with the first that it does not take."""
    from fencepost.experiments.engines import check_parameters

    for parameters in _combinations(sweep):
        try:
            check_parameters(sweep.engine, parameters)
        except InputError as error:
            swept = ", ".join(f"{name} = {parameters[name]!r}" for name in sweep.axes)
            raise InputError(f"{place}{f' ({swept})' if swept else ''}: {error}") from None


def _combinations(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Yield all combinations where they are few, else enough that each value is in one."""
    if sweep.combination_count <= COMBINATIONS_MOST:
        yield from map(sweep.combination, range(sweep.combination_count))
        return
    first = sweep.combination(0)
    for name, values in sweep.axes.items():
        yield from ({**first, name: each} for each in itertools.islice(values, COMBINATIONS_MOST))


def _figure(table: dict[str, Any], index: int, sweeps: tuple[Sweep, ...], source: str) -> FigureTable:
    where = f"$.figure[{index}]"
    figure: FigureTable = _table(table, FigureTable, source, where)
    names = [each.name for each in sweeps]
    if figure.sweep not in names:
        raise InputError(f"{source}: {where}.sweep: {expected_of(figure.sweep, names)}, got {figure.sweep!r}")
    _refuse_what_cannot_be_drawn(figure, sweeps[names.index(figure.sweep)], f"{source}: {where}")
    return figure


def _refuse_what_cannot_be_drawn(figure: FigureTable, sweep: Sweep, place: str) -> None:
    """Raises InputError for a figure that the sweep's settings leave no room for, before anything runs."""
    from fencepost.experiments.figures import check_figure

    settings = ({name: each[name] for name in sweep.columns} for each in _combinations(sweep))
    try:
        check_figure(figure, list(settings), sweep.engine)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
