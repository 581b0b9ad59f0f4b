"""A history as its log's engineers have it, and the parts of it in which each property holds.

Positions are compared inside one log (a partition, a topic, a shard); numbers of batches inside one
client's numbering, which may begin again in another log, at another broker, or in another epoch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fencepost.model.histories.files.columns import FirstParts
from fencepost.model.histories.records import History, IntColumn
from fencepost.model.histories.rules import Rules

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Fillers:
    """Ranges of positions that hold no batch on purpose: markers, padding, what was compacted. `log_id` as a log's."""

    start: IntColumn
    end: IntColumn
    log_id: IntColumn

    @classmethod
    def none(cls) -> "Fillers":
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing, nothing)


@dataclass(frozen=True)
class Log:
    """What was recorded of one log or several.

    `absent` names the columns of `history` that no file had. `log_id`, `epoch` and `batch_id` have a number
    for each row, or are None. `rows` are the data rows of the file, from 1. Names stand for the numbers of
    clients, brokers and logs where the file has no numbers for them. `extra` are the columns of the file that
    say nothing here; `first_parts` say how positions are numbered through that were written in two parts.
    """

    history: History
    absent: frozenset[str] = frozenset()
    log_id: IntColumn | None = None
    epoch: IntColumn | None = None
    batch_id: IntColumn | None = None
    fillers: Fillers = field(default_factory=Fillers.none)
    rows: IntColumn | None = None
    client_names: tuple[str, ...] = ()
    broker_names: tuple[str, ...] = ()
    log_names: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    first_parts: FirstParts | None = None
    path: Path | None = None

    @property
    def in_two_parts(self) -> bool:
        """Whether positions were written in two parts, and are numbered through."""
        return self.first_parts is not None

    @property
    def is_plain(self) -> bool:
        """Whether it is one log without epochs, identities and fillers: each property holds of the whole of it."""
        return self.log_id is None and self.epoch is None and self.batch_id is None and not len(self.fillers.start)

    def client(self, number: int) -> str:
        """Return a client as the file has it."""
        return self.client_names[number] if self.client_names else str(number)

    def broker(self, number: int) -> str:
        """Return a broker as the file has it."""
        return self.broker_names[number] if self.broker_names else str(number)

    def log(self, number: int) -> str:
        """Return a log as the file has it."""
        return self.log_names[number] if self.log_names else str(number)


@dataclass(frozen=True)
class Part:
    """Rows of a history that one check compares with each other, as a history of their own.

    `client_id` is the number of a numbering; `names` says which, where it is not the client's own number.
    """

    history: History
    indexes: Rows  # in the whole history
    rules: Rules
    fillers: Fillers
    names: dict[int, str]
    where: str = ""  # which log, said in front of a sentence
    numbers: str = "batch"  # what batch_seq counts

    def client(self, number: int) -> str:
        """Return whose numbering it is."""
        return self.names.get(number, str(number))


def numbered(log: Log, rules: Rules) -> Part:
    """Return the whole history with the number of its numbering in place of each client."""
    columns: dict[str, IntColumn] = {}
    if log.epoch is not None:
        columns["in epoch"] = log.epoch
    if rules.numbered_by == "client-broker":
        columns["at broker"] = log.history.broker_id
    if log.log_id is not None and not rules.across_logs:
        columns["in log"] = log.log_id
    if not columns:
        return _whole(log, rules, log.history, dict(enumerate(log.client_names)))
    keys = np.column_stack([log.history.client_id, *columns.values()])
    numberings, numbers = np.unique(keys, axis=0, return_inverse=True)
    names = {}
    for number, (client, *others) in enumerate(numberings.tolist()):
        said = {"in log": log.log, "at broker": log.broker}
        values = [said.get(words, str)(each) for words, each in zip(columns, others, strict=True)]
        names[number] = " ".join([log.client(client), *(f"{w} {v}" for w, v in zip(columns, values, strict=True))])
    history = log.history.with_columns(client_id=numbers.reshape(-1).astype(np.int64))
    return _whole(log, rules, history, names)


def with_epochs(log: Log, rules: Rules) -> Iterator[Part]:
    """Yield the history with epochs in place of the numbers of batches: those of a client never go back."""
    if log.epoch is not None:
        history = log.history.with_columns(batch_seq=log.epoch)
        yield replace(_whole(log, rules, history, dict(enumerate(log.client_names))), numbers="epoch")


def with_identities(log: Log, rules: Rules) -> Iterator[Part]:
    """Yield the history with what a batch is in place of its number, where the file says that.

    A batch that is sent again in a new epoch has another number, and is the same batch.
    """
    if log.batch_id is not None:
        one_client = np.zeros(len(log.history), dtype=np.int64)
        history = log.history.with_columns(client_id=one_client, batch_seq=log.batch_id)
        yield _whole(log, rules, history, {0: "of any number"})


def _whole(log: Log, rules: Rules, history: History, names: dict[int, str]) -> Part:
    return Part(history, np.arange(len(history)), rules, log.fillers, names)


def each_log(log: Log, parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the parts cut by log: no position of one can be compared with one of another."""
    for part in parts:
        if log.log_id is None:
            yield part
            continue
        for number in np.unique(log.log_id).tolist():
            indexes = np.flatnonzero(log.log_id == number)
            here = log.fillers.log_id == number
            fillers = Fillers(log.fillers.start[here], log.fillers.end[here], log.fillers.log_id[here])
            where = f"log {log.log(number)}: "
            yield replace(part, history=part.history.take(indexes), indexes=indexes, fillers=fillers, where=where)
