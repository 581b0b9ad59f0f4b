"""Killer: what one host tells another, written down access by access and decided on non-coherent memory."""

from __future__ import annotations

from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer
from fencepost.mutations.kill import Hunt, Kill
from fencepost.native import LINE_INSTRUCTIONS
from fencepost.native.recordings import HAND_OVERS, Recorded, recorded, recorded_hand_over, verdicts

POLICIES = ("per_message", "per_batch", "single_fence", "epoch")  # those that are sound
WHOLE_LINES = ("epoch",)  # and that need record and guard to reach memory together


def recordings(hunt: Hunt) -> Kill | None:
    """Ask of every sound publication, and of what is told by one word, whether it may be torn or never be seen."""
    if not LINE_INSTRUCTIONS["clflushopt"]:
        raise InputError("this machine has no clflushopt (CPUID leaf 7): publications cannot be written down on it")
    for count in (0, 1):
        for policy in POLICIES:
            profiles = ("ncx",) if policy in WHOLE_LINES else ("ncx", "ncx-tear")
            made = recorded(policy, count, hunt.native)
            if kill := _judged(hunt, f"publication {policy} of {count} messages", made, profiles):
                return kill
    for name in HAND_OVERS:
        made = recorded_hand_over(name, hunt.native)
        if kill := _judged(hunt, name.replace("_", " "), made, ("ncx", "ncx-tear")):
            return kill
    return None


def _judged(hunt: Hunt, what: str, made: Recorded, profiles: tuple[str, ...]) -> Kill | None:
    for profile in profiles:
        hunt.tries(len(made.writer) + len(made.reader))
        found = verdicts(made.writer, made.reader, profile=profile)
        sentence = ""
        if found.torn is not Answer.FORBIDDEN:
            sentence = "who sees the guard may see something old behind it"
        elif found.missed is not Answer.FORBIDDEN and profile == "ncx":
            sentence = "who looks afterwards may never see it"
        if sentence:
            size = len(made.writer) + len(made.reader)
            return Kill("memory", size, "accesses", f"{what} under {profile}: {sentence}")
    return None
