"""Native trials: a sequencer raced by threads on a drawn workload, or one side of a setting of `bench`, timed.

A race is judged: what it ordered is held against the contract. A setting checks what it orders while it is timed.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.histories import History, verify
from fencepost.model.report import Finding, Report
from fencepost.model.simulation.intervals import rounded

Figures = dict[str, float | int | list[float] | None]
Column = npt.NDArray[np.int64]
RACE_DEFAULTS = {"clients": 4, "brokers": 4, "batches": 1_000, "messages_per_batch": 8, "reorder": 0, "slots": 512}
REPETITIONS = 10
COUNTED = {"claim_one": (1, 0.0), "claim_two_shared": (2, 0.0), "claim_two_skewed": (2, 1.0)}
"""Settings in which scanners contend, how many and the skew: there failed locks and exchanges are counted, too."""
COUNTED_CLIENTS = 1_024


def check_native(parameters: Mapping[str, Any]) -> None:
    """Raise InputError unless the parameters say a race, or a setting and a side of it."""
    from fencepost.bench.paths import SIDES
    from fencepost.native import POLLS, PUBLICATIONS, SEQUENCERS

    of_setting = [name for name in ("setting", "side", "repetitions", "quick") if name in parameters]
    of_race = [name for name in (*RACE_DEFAULTS, "sequencer", "policy", "poll") if name in parameters]
    if not of_setting:
        if parameters.get("sequencer") not in SEQUENCERS:
            raise unknown_choice("sequencer", parameters.get("sequencer"), SEQUENCERS)
        for name, known in (("policy", PUBLICATIONS), ("poll", POLLS)):
            if name in parameters and parameters[name] not in known:
                raise unknown_choice(name, parameters[name], known)
        return
    if of_race:
        raise InputError(f"{of_race[0]} beside {of_setting[0]}: expected either a race or a setting")
    if parameters.get("setting") not in SIDES:
        raise unknown_choice("setting", parameters.get("setting"), SIDES)
    if parameters.get("side") not in SIDES[parameters["setting"]]:
        raise unknown_choice(f"side of {parameters['setting']}", parameters.get("side"), SIDES[parameters["setting"]])


def measured(parameters: Mapping[str, Any], seed: int) -> tuple[Figures, Report]:
    """Race or time what the parameters say; InputError: this machine cannot."""
    return _setting(parameters) if "setting" in parameters else _race(parameters, seed)


def workload(parameters: Mapping[str, Any], seed: int) -> dict[str, Column]:
    """Return the rows of a race: clients take turns, each sends to a drawn broker, and rows are late by `reorder`.

    A row that is late stands at most `reorder` rows behind its place: rows are sorted by their place plus a draw.
    """
    given = {**RACE_DEFAULTS, **parameters}
    clients, count, random = given["clients"], given["clients"] * given["batches"], Random(f"{seed}/workload")
    place = sorted(range(count), key=lambda row: (row + random.uniform(0, given["reorder"]), row))
    rows = np.array(place, dtype=np.int64)
    brokers = np.array([random.randrange(given["brokers"]) for _ in range(count)], dtype=np.int64)
    brokers[: given["brokers"]] = np.arange(min(given["brokers"], count))  # each is there
    return {
        "client_id": rows % clients,
        "batch_seq": rows // clients,
        "broker_id": brokers,
        "message_count": np.full(count, given["messages_per_batch"], dtype=np.int64),
    }


def _race(parameters: Mapping[str, Any], seed: int) -> tuple[Figures, Report]:
    from fencepost.model.histories.drained import left_over
    from fencepost.model.histories.records import Workload
    from fencepost.model.specs import protocol
    from fencepost.native import ArrivalOutcome, RaceOptions, race

    name, columns = parameters["sequencer"], workload(parameters, seed)
    options = RaceOptions(
        slot_count=parameters.get("slots", RACE_DEFAULTS["slots"]),
        publication=parameters.get("policy", "none"),
        poll=parameters.get("poll", "spin_then_yield"),
    )
    result = race(
        name, client_id=columns["client_id"], batch_seq=columns["batch_seq"], broker_id=columns["broker_id"],
        message_count=columns["message_count"], seed=seed, options=options,
    )  # fmt: skip
    level = protocol(name).level
    ordered = np.flatnonzero(result.outcome == ArrivalOutcome.ORDERED)
    nothing = np.zeros_like(columns["message_count"])
    sent = Workload.from_columns({**columns, "payload_bytes": nothing, "arrival_ns": nothing})
    rings = {"ring_index": sent.ring_index, "start_position": result.start_position, "sent_ns": result.sent_ns}
    rings |= {"acked_ns": result.acked_ns, **columns}
    history = History.from_columns({key: np.asarray(column)[ordered] for key, column in rings.items()})
    found = [
        Finding(name, each.property, "native", Verdict.VIOLATED if each.witness else Verdict.NOT_FOUND,
                explanation=each.witness.sentence if each.witness else "")
        for each in verify(history, level).findings
    ]  # fmt: skip
    left = left_over(sent, history, level)
    found.append(Finding(name, "drained", "native", Verdict.VIOLATED if left else Verdict.NOT_FOUND, explanation=left))
    for fault, count in (("visible", result.content_fault_count), ("export-order", result.chain_fault_count)):
        if count:
            found.append(Finding(name, fault, "native", Verdict.VIOLATED, explanation=f"{count} exported records"))
    return _race_figures(result, ordered), Report("race", tuple(found), seed)


def _race_figures(result: Any, ordered: npt.NDArray[np.intp]) -> Figures:
    figures: Figures = {
        "throughput_batches_per_s": rounded(len(ordered) / result.seconds),
        "claim_lost_count": result.claim_lost_count,
        "parked_count": result.released_count,
        "contended_per_s": rounded(result.claim_lost_count / result.seconds),
        "duration_us": rounded(result.seconds * 1e6),
    }
    acked = ordered[result.acked_ns[ordered] >= 0]
    for name, ends, rows in (("latency", result.acked_ns, acked), ("latency_order", result.ordered_ns, ordered)):
        times_us = np.sort(ends[rows] - result.sent_ns[rows]) / 1e3
        if len(times_us):
            figures[f"{name}_mean_us"] = rounded(float(times_us.mean()))
            for label, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)):
                figures[f"{name}_{label}_us"] = rounded(float(np.quantile(times_us, share, method="inverted_cdf")))
            if name == "latency":
                shares = np.linspace(0.0, 1.0, 101)
                found = np.quantile(times_us, shares, method="inverted_cdf")
                figures["latency_quantiles_us"] = [rounded(float(each)) for each in found]
    return figures


def _setting(parameters: Mapping[str, Any]) -> tuple[Figures, Report]:
    from fencepost.bench.statistics.figures import median_interval
    from fencepost.native.measuring import measure_setting

    setting, side, quick = parameters["setting"], parameters["side"], parameters.get("quick", False)
    repetitions = parameters.get("repetitions", REPETITIONS)
    times = measure_setting(setting, repetitions=repetitions, quick=quick)
    if times.unavailable:
        raise InputError(f"setting {setting} cannot be measured here: {times.unavailable}")
    probe = times.probes[side]
    low, high = median_interval(probe.values)
    middle = median(probe.values)
    figures: Figures = {
        "time_ns": rounded(middle), "time_low_ns": rounded(low), "time_high_ns": rounded(high),
        "disturbed_count": probe.disturbed_count, "repetitions_count": repetitions,
    }  # fmt: skip
    if setting.startswith("claim_"):  # an operation is a batch
        figures["throughput_batches_per_s"] = rounded(1e9 / middle)
    if setting in COUNTED and side in ("order4.mutex", "order4.claim"):
        per_batch = _contended(side, *COUNTED[setting], quick)
        figures["contended_per_batch"] = rounded(per_batch)
        figures["contended_per_s"] = rounded(per_batch * 1e9 / middle)
    # What is timed counts itself: a batch lost, twice or out of order would have raised Miscounted.
    finding = Finding(side, "counted", "native", Verdict.NOT_FOUND, f"{repetitions} repetitions")
    return figures, Report("bench", (finding,))


def _contended(side: str, scanners: int, skew: float, quick: bool) -> float:
    """Return how often a batch met another scanner: a lock that was held, an exchange or a claim that was lost."""
    from fencepost.native.counting import count_scan

    batch_count = 1 << (12 if quick else 17)
    scans = count_scan(side, ring_count=scanners, batch_count=batch_count, client_count=COUNTED_CLIENTS, skew=skew)
    lost = sum(each.locks_contended + each.exchanges_failed + each.claims_lost for each in scans)
    return lost / sum(each.batch_count for each in scans)
