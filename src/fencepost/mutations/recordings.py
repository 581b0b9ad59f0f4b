"""Killer: what one host tells another, written down access by access and decided on non-coherent memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer
from fencepost.model.processes import Ended, isolated
from fencepost.mutations.kill import TRIAL_SECONDS, Hunt, Kill
from fencepost.native import LINE_INSTRUCTIONS
from fencepost.native.recordings import HAND_OVERS, Kind, Recorded, recorded, recorded_hand_over, verdicts

POLICIES = ("per_message", "per_batch", "single_fence", "epoch")  # those that are sound
PROFILES = ("ncx", "ncx-tear")
WHOLE_LINES = ("epoch",)  # and that need record and guard to reach memory together


def recordings(hunt: Hunt) -> Kill | None:
    """Ask of every sound publication, and of what is told by one word, whether it may be torn or never be seen."""
    if not LINE_INSTRUCTIONS["clflushopt"]:
        raise InputError("this machine has no clflushopt (CPUID leaf 7): publications cannot be written down on it")
    for count in (0, 1):
        for policy in POLICIES:
            profiles = ("ncx",) if policy in WHOLE_LINES else PROFILES
            record = partial(recorded, policy, count, hunt.native)
            if kill := _judged(hunt, f"publication {policy} of {count} messages", record, profiles):
                return kill
    for name in HAND_OVERS:
        record = partial(recorded_hand_over, name, hunt.native)
        if kill := _judged(hunt, name.replace("_", " "), record, PROFILES):
            return kill
    return None


def _judged(hunt: Hunt, what: str, record: Callable[[], Recorded], profiles: tuple[str, ...]) -> Kill | None:
    made = isolated(record, TRIAL_SECONDS)
    if isinstance(made, Ended):
        return Kill("memory", 1, None, 2, f"{what}: {made.sentence}")
    accesses = len(made.writer) + len(made.reader)
    if any(each.kind is Kind.STORE for each in made.reader):
        return Kill("memory", 1, accesses, 2, f"{what}: who looks stores to what another host writes: single-writer")
    for profile in profiles:
        hunt.tries(accesses)
        found = verdicts(made.writer, made.reader, profile=profile)
        sentence = ""
        if found.torn is not Answer.FORBIDDEN:
            sentence = "who sees the guard may see something old behind it"
        elif found.missed is not Answer.FORBIDDEN and profile == "ncx":
            sentence = "who looks afterwards may never see it"
        if sentence:
            return Kill("memory", 1, accesses, 2, f"{what} under {profile}: {sentence}")
    return None
