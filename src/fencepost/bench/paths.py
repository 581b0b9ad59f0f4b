"""The paths that are measured: what each is held against, and how near to that it should come.

A path is a row of the table that `fencepost bench` prints. It compares two probes of one setting, timed side by side
and repetition by repetition in one run, so its figure is a ratio that carries over to another day and another machine;
or it is a count. No bound is a time: what takes 8 ns here takes 4 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reach(StrEnum):
    """Which side of the bound is wanted."""

    AT_MOST = "<="
    AT_LEAST = ">="

    def met(self, value: float, bound: float) -> bool:
        return value <= bound if self is Reach.AT_MOST else value >= bound

    def met_by(self, interval: tuple[float, float], bound: float) -> bool | None:
        """Say whether an interval lies on the side that is wanted; None where the bound lies inside it."""
        sides = {self.met(each, bound) for each in interval}
        return sides.pop() if len(sides) == 1 else None


@dataclass(frozen=True)
class Path:
    """One row. `unit` is "ratio" (probe over floor, or the other way for `AT_LEAST`) or what the probe's figure is in.

    `setting` names what is measured together; `probe` and `floor` are two of its probes. A ratio that should be large
    (`AT_LEAST`) is floor over probe: how many times faster the probe is.
    """

    name: str
    what: str
    setting: str
    probe: str
    floor: str | None
    reach: Reach
    bound: float | None  # None: nothing is asked, the figure is only shown
    unit: str = "ratio"
    beside: str | None = None  # another probe of the setting, whose median is said beside the row
    unsound: str = ""  # the command that refutes the policy of the probe: its cost is that of a wrong program


def _at_most(name: str, what: str, setting: str, probe: str, floor: str, bound: float) -> Path:
    return Path(name, what, setting, probe, floor, Reach.AT_MOST, bound)


def _faster(name: str, what: str, setting: str, probe: str, floor: str, bound: float) -> Path:
    return Path(name, what, setting, probe, floor, Reach.AT_LEAST, bound)


def _price(name: str, what: str, setting: str, probe: str, floor: str) -> Path:
    return Path(name, what, setting, probe, floor, Reach.AT_MOST, None)


def _shown(name: str, what: str, setting: str, probe: str, floor: str) -> Path:
    return Path(name, what, setting, probe, floor, Reach.AT_LEAST, None)


def _counted(name: str, what: str, setting: str, probe: str, bound: float, unit: str) -> Path:
    return Path(name, what, setting, probe, None, Reach.AT_MOST, bound, unit)


_SCAN_ADD = "scan, fetch_add, in-place write"
_SCAN_LOG = "scan, log write"

_ORDERING = (
    _at_most("order5-fetch-add", f"order5.fetch_add / {_SCAN_ADD}; 128 Ki headers in the caches",
             "headers_cached", "order5.fetch_add", "bare_fetch_add", 1.2),
    _at_most("order5-epoch-cached", f"order5.epoch / {_SCAN_LOG}; in the caches",
             "headers_cached", "order5.epoch", "bare_log", 1.5),
    _at_most("order5-epoch-memory", f"order5.epoch / {_SCAN_LOG}; 2 Mi headers from memory",
             "headers_memory", "order5.epoch", "bare_log", 1.5),
    _at_most("order4-owner-cached", f"order4.owner, 1,024 clients of random ids in order / {_SCAN_LOG}; in the caches",
             "headers_cached", "order4.owner", "bare_log", 1.5),
    _at_most("order4-owner-memory", f"order4.owner, 1,024 clients of random ids in order / {_SCAN_LOG}; from memory",
             "headers_memory", "order4.owner", "bare_log", 1.5),
    *(
        _at_most(f"order4-owner-parked-{share}-{place}",
                 f"order4.owner, {share} % of the batches parked / in order; {where}",
                 f"parked_{place}", f"parked_{share}", "in_order", bound)
        for place, where in (("cached", "128 Ki headers"), ("memory", "1 Mi headers"))
        for share, bound in ((18, 2.0), (60, 3.0))
    ),
    _faster("order4-claim-one-scanner", "order4.claim, times as fast as order4.mutex",
            "claim_one", "order4.claim", "order4.mutex", 1.0),
    _at_most("order4-claim-headers", "order4.claim, headers only, one scanner / a lock pair around the counter",
             "claim_one", "order4.claim", "bare_lock", 1.2),
    _faster("order4-claim-apart", "the same, two scanners, each with clients of its own",
            "claim_two_apart", "order4.claim", "order4.mutex", 1.0),
    _faster("order4-claim-shared", "the same, two scanners, every client's batches in both hands",
            "claim_two_shared", "order4.claim", "order4.mutex", 2.0),
    _faster("order4-claim-skewed", "the same, clients drawn by Zipf's law: one of them sends one batch in seven",
            "claim_two_skewed", "order4.claim", "order4.mutex", 1.0),
)  # fmt: skip

_EACH = "one fence per batch"
_PUBLISHING = (
    *(
        path
        for instruction in ("clwb", "clflushopt")
        for path in (
            _at_most(f"order5-flush-{instruction}", f"order5.epoch, two {instruction} and {_EACH} / the same bare",
                     f"publish_{instruction}", "order5.epoch, single_fence", "bare", 1.05),
            _at_most(f"order5-fetch-add-flush-{instruction}", "order5.fetch_add, one for each batch / the same bare",
                     f"publish_{instruction}", "order5.fetch_add, single_fence", "bare, fetch_add", 1.05),
            _price(f"order5-fetch-add-price-{instruction}", "bare with a fetch_add for each batch / bare without",
                   f"publish_{instruction}", "bare, fetch_add", "bare"),
            _at_most(f"epoch-publication-{instruction}", "order5.epoch, grouped publication epoch(64) / the same bare",
                     f"publish_{instruction}", "order5.epoch, epoch(64)", "bare, epoch(64)", 1.3),
            _faster(f"epoch-publication-gain-{instruction}", f"that, times as fast as {_EACH}",
                    f"publish_{instruction}", "order5.epoch, epoch(64)", "order5.epoch, single_fence", 20.0),
            Path(f"order4-seed-{instruction}", "481 messages, write-back and fence for each (seed: unsound) / bare",
                 f"messages_{instruction}", "seed", "bare_per_message", Reach.AT_MOST, 1.05,
                 unsound="fencepost explore export_after_fence"),
            _at_most(f"order4-two-phase-{instruction}", "481 messages, one fence, then the guard (sound) / bare",
                     f"messages_{instruction}", "per_batch", "bare_two_phase", 1.05),
            _shown(f"order4-two-phase-gain-{instruction}", "two-phase, times as fast as the seed, which is unsound",
                   f"messages_{instruction}", "per_batch", "seed"),
        )
    ),
    _at_most("order4-481-cached", "order 4, positions into 481 headers of 1,088 B / bare loop; in the caches",
             "messages_cached", "order4.owner", "bare", 1.1),
    _at_most("order4-481-memory", "the same from memory, both prefetching",
             "messages_memory", "order4.owner", "bare", 1.1),
)  # fmt: skip

_TWO_CORES = (
    Path("two-cores", "producer to sequencer (order5.epoch) / bare flag ring; a batch",
         "two_cores", "order5.epoch", "bare", Reach.AT_MOST, 1.5, beside="ping_pong"),
    _faster("pipeline", "receive, order, export, subscribe; speed / plain copy by one thread, a message of 1 KiB",
            "pipeline", "pipeline", "bare_copy", 0.9),
)  # fmt: skip

_PYTHON = (
    _at_most("python-entry", "order5.fetch_add from Python, 4,096 batches a call / a copy of the call's columns",
             "python_entry", "bulk", "bare_copy", 2.0),
)  # fmt: skip

_COUNTED = (
    _at_most("order5-wait-free", "order5.fetch_add, a scanner's steps for a batch, contended / alone",
             "wait_free", "order5.fetch_add, contended", "order5.fetch_add, alone", 1.0),
    _counted("scanner-allocations", "allocations in the loops of all scanners, parking included",
           "allocations", "scanner loops", 0.0, "allocations"),
    *(_at_most(f"memory-{name.replace('_', '-')}", f"{what}, allocated / stated",
               "memory", f"{name} allocated", f"{name} stated", 1.0)
      for name, what in {
          "ring": "ring of 512 slots and 4 readers, 64 bytes each",
          "export_chain": "export chain of 512 slots and 4 readers, 64 bytes each",
          "client_table": "table of 1,024 clients shared by scanners, 64 bytes a client",
          "owned_clients": "table of 1,024 clients of one worker, up to 64 bytes a client",
          "parking": "parking for 8,192 batches of 1,024 clients, up to 34 bytes a batch, 4 a client, 512 more",
          "parked_near": "the same for an owner, batches near their client's next: up to 32 bytes a batch, 80 a client",
          "epoch": "epoch of 64 batches, 32 bytes a batch",
      }.items()),
)  # fmt: skip

PATHS: dict[str, Path] = {path.name: path for path in (*_ORDERING, *_PUBLISHING, *_TWO_CORES, *_PYTHON, *_COUNTED)}

_CLAIMED_ALONE = ("bare_lock", "order4.mutex", "order4.sharded_mutex", "order4.claim")
_CLAIMED = ("order4.mutex", "order4.sharded_mutex", "order4.claim")
_HEADERS = ("bare_fetch_add", "order5.fetch_add", "bare_log", "order5.epoch", "order4.owner", "order4.epoch")
_PUBLISHED = (
    "bare", "bare, fetch_add", "order5.fetch_add, single_fence", "order5.epoch, single_fence",
    "bare, epoch(64)", "order5.epoch, epoch(64)",
)  # fmt: skip
_MESSAGES = ("bare_per_message", "seed", "per_message", "bare_two_phase", "per_batch")
SIDES: dict[str, tuple[str, ...]] = {
    "headers_cached": _HEADERS,
    "headers_memory": _HEADERS,
    "parked_cached": ("in_order", "parked_18", "parked_60"),
    "parked_memory": ("in_order", "parked_18", "parked_60"),
    "claim_one": _CLAIMED_ALONE,
    "claim_two_apart": _CLAIMED,
    "claim_two_shared": _CLAIMED,
    "claim_two_skewed": _CLAIMED,
    "publish_clwb": _PUBLISHED,
    "publish_clflushopt": _PUBLISHED,
    "messages_clwb": _MESSAGES,
    "messages_clflushopt": _MESSAGES,
    "messages_cached": ("bare", "order4.owner"),
    "messages_memory": ("bare", "order4.owner"),
    "two_cores": ("bare", "order5.epoch", "order4.owner", "ping_pong"),
    "pipeline": ("bare_copy", "pipeline"),
}
"""By setting, the sides that are timed together, in turn and repetition by repetition: any two can be compared."""

UNSOUND_SIDES: dict[str, str] = {path.probe: path.unsound for path in PATHS.values() if path.unsound}
"""Sides whose policy is refuted, with the command that does it."""
