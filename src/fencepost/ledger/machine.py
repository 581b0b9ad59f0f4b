"""C6, C11 to C14: what the findings claim of polling, layout, settings, stability and profiles."""

from __future__ import annotations

from collections.abc import Mapping

from fencepost.bench.baselines import BAND_GB_PER_S
from fencepost.ledger.claim import Answer, Claim, Found, Measured, Ruled
from fencepost.ledger.figures import faulty_layout, pipeline_speed, setting_change
from fencepost.ledger.obligations import explored
from fencepost.ledger.profiles import missed_by_stage, time_by_stage

STATED_GAIN = (-0.10, -0.05)  # of the time of a batch, by NUMA binding, huge pages and affinity
SETTINGS = {"huge pages": "huge-pages", "affinity": "affinity", "NUMA binding": "numa", "all": "all"}


def _c6(found: Mapping[str, Found]) -> Ruled:
    pause, gate = found["pausing beside yielding"], found["gate by change"]
    figure, cost = pause.figure, pause.words or pause.unavailable
    if gate.is_violated:
        why = f"the gate that waits for a change strands batches ({gate.words.partition(': ')[2]})"
        return Answer.REFUTED, f"{why}; {cost}"
    if figure is None:
        return Answer.NOT_DECIDABLE, cost
    if figure.changes is None:
        return Answer.UNKNOWN, f"not decided: {cost}"
    if not figure.changes:
        return Answer.MACHINE, f"no difference here: {cost}"
    if figure.low is not None and figure.low > 0:
        return Answer.CONDITION, f"only with a core for each thread: {cost}"
    return Answer.HOLDS, cost


def _c11(found: Mapping[str, Found]) -> Ruled:
    theirs, ours = found["layout of 09ae22d"], found["fencepost's own"]
    if theirs.is_violated:
        clean = "; fencepost's own has none" if ours.passes else ""
        faults = theirs.words.partition(": ")[2]
        return Answer.REFUTED, f"{faults}{clean}"
    return Answer.HOLDS, "no guard on a line of its own, no line of several hosts, no counter that ends"


def _c12(found: Mapping[str, Found]) -> Ruled:
    """One setting that surely does something else is enough; that all do as stated takes all of them."""
    measured = {name: found[name].figure for name in SETTINGS}
    parts = [
        f"{name} {found[name].unavailable if figure is None else figure.compared()}"
        for name, figure in measured.items()
    ]
    inside = {name: _is_inside(figure) for name, figure in measured.items() if figure is not None}
    words = "time of a batch: " + "; ".join(parts)
    if not inside:
        return Answer.NOT_DECIDABLE, "; ".join(parts)
    if False in inside.values():
        return Answer.MACHINE, f"not so here; {words}"
    if None in inside.values():
        return Answer.UNKNOWN, f"not decided; {words}"
    return (Answer.HOLDS if len(inside) == len(SETTINGS) else Answer.CONDITION), words


def _is_inside(figure: Measured) -> bool | None:
    """Say whether a change lies within what is stated; None where its interval reaches across an end of that."""
    low, high = STATED_GAIN
    if figure.low is None or figure.high is None or figure.undecided:
        return None
    if low <= figure.low and figure.high <= high:
        return True
    return False if figure.low > high or figure.high < low else None


def _c13(found: Mapping[str, Found]) -> Ruled:
    """Both parts have to hold, and either that surely does not decides; a machine's speed speaks of no other."""
    speed = found["speed of the pipeline"]
    if speed.figure is None:
        return Answer.NOT_DECIDABLE, speed.unavailable
    if speed.figure.undecided:
        return Answer.UNKNOWN, f"not decided: {speed.figure.undecided}; {speed.words}"
    band, stability = speed.more["band"], speed.more["stability"]
    is_stable = None if stability == "not decided" else stability.startswith("stable")
    if is_stable is False:
        return Answer.REFUTED, f"not stable: {speed.words}"
    steady = "stable, as stated" if is_stable else "whether it is stable is not decided"
    stated = "{:g} to {:g} GB/s".format(*BAND_GB_PER_S)
    if band in ("above", "below"):
        missed = {"above": "upwards", "below": "downwards"}[band]
        return Answer.MACHINE, f"{steady}; the {stated} are missed {missed} here: {speed.words}"
    if is_stable is None or band == "not decided":
        where = f"within {stated}" if band == "within" else f"beside {stated} not decided"
        return Answer.UNKNOWN, f"{steady}, {where}: {speed.words}"
    return Answer.HOLDS, f"{steady}, and within {stated}: {speed.words}"


def _c14(found: Mapping[str, Found]) -> Ruled:
    stages, misses = found["time by stage"], found["misses and mispredictions"]
    if stages.unavailable and misses.unavailable:
        return Answer.NOT_DECIDABLE, f"{stages.unavailable}; {misses.unavailable}"
    seen = "; ".join(each.words for each in (stages, misses) if not each.unavailable)
    if misses.unavailable:
        return Answer.CONDITION, f"time only, {misses.unavailable}: {seen}"
    if stages.passes:
        return Answer.REFUTED, f"no stage stands out: {seen}"
    return Answer.HOLDS, seen


CLAIMS = (
    Claim(
        "C6", "pause-polling is efficient",
        "pause-polling is efficient",
        "findings, DEV-006",
        (
            explored("gate by change", "edge_triggered_gate", "drained"),
            setting_change("pausing beside yielding", "pause"),
        ),
        _c6,
    ),
    Claim(
        "C11", "the cache layout is right",
        "the cache layout is right (pahole to confirm)",
        "findings, data structures",
        (faulty_layout("layout of 09ae22d", "09ae22d"), faulty_layout("fencepost's own", "fencepost")),
        _c11,
    ),
    Claim(
        "C12", "NUMA, huge pages, affinity: 5-10 %",
        "NUMA binding, huge pages and affinity give 5-10 %",
        "findings, tuning",
        tuple(setting_change(name, setting) for name, setting in SETTINGS.items()),
        _c12,
    ),
    Claim(
        "C13", "stable at 8-12 GB/s",
        "performance is stable, at 8 to 12 GB/s",
        "findings, performance",
        (pipeline_speed("speed of the pipeline"),),
        _c13,
    ),
    Claim(
        "C14", "hot paths need profiling",
        "hot paths need profiling",
        "findings, open questions",
        (time_by_stage("time by stage"), missed_by_stage("misses and mispredictions")),
        _c14,
    ),
)  # fmt: skip
