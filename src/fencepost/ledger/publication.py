"""C4, C5, C9, C10: what the findings claim of flushes, fences and prefetching."""

from __future__ import annotations

from collections.abc import Mapping

from fencepost.ledger.claim import Answer, Asked, Claim, Evidence, Found, Measured, Ruled
from fencepost.ledger.figures import floor_change, side_change
from fencepost.ledger.obligations import ablated, explored, litmus
from fencepost.model.contract import Verdict

STATED_GAIN = 0.10  # the most that the findings expect of batching order 4's flushes


def _policy(name: str, policy_name: str) -> Evidence:
    """Return: a publication policy is sound, by its native code and by ablation of its pattern."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench.flush import POLICIES, soundness

        policy = next(each for each in POLICIES if each.name == policy_name)
        judged = soundness(policy, "clwb")
        words = f"{policy_name}: native code {judged.native}; {policy.idiom}: {judged.ablation}"
        return Found(words, Verdict.EXHAUSTED if judged.is_sound else Verdict.VIOLATED)

    return Evidence(name, "native", "fencepost bench flush", ask)


def _flushed_beside_evicted(name: str) -> Evidence:
    """Return: what it costs a receiver to flush each slot, beside leaving that to evictions; simulated."""

    def ask(asked: Asked) -> Found:
        from fencepost.model.simulation.scenario import parse_scenario
        from fencepost.simulating.paired import Side, against

        evicted, flushed = (Side(parse_scenario(f'{SCENARIO}publish = "{how}"\n')) for how in ("evict", "flush"))
        both = against(evicted, flushed, seed=asked.seed)
        cost, waited = both["stage_receive_mean_ns"], both["stage_ring_mean_ns"]
        figure = Measured(cost.change or 0.0, cost.low, cost.high, "%", cost.n)
        words = (
            f"simulated: until a slot is filled {figure}; then until it is taken up {waited.second / 1e3:.3g} us, "
            f"where evictions are waited for {waited.first / 1e3:,.0f} us"
        )
        return Found(words, figure=figure)

    command = "fencepost simulate examples/scenarios/evicted.toml --against examples/scenarios/flushed.toml"
    return Evidence(name, "simulation", command, ask)


SCENARIO = """\
sequencer = "order5.fetch_add"
duration = "20 ms"
warmup = "1 ms"
check = false
[brokers]
"""


def _c4(found: Mapping[str, Found]) -> Ruled:
    plain = found["n flushes, one fence"]
    if plain.is_violated:
        return Answer.REFUTED, plain.words
    is_minimal = plain.more.get("needed") == plain.more.get("slots")
    minimal = "enough, and none can go" if is_minimal else "enough, though some can go"
    guarded = [name for name in ("guard before the fence", "export flag of 09ae22d") if found[name].is_violated]
    saving = found["saving"].figure
    saved = f"; beside a fence each: {saving}" if saving is not None and not saving.undecided else ""
    if guarded:
        why = "where a flag or count is stored before that fence no placement helps"
        return Answer.CONDITION, f"one fence for 8 flushes is {minimal}; {why}{saved}"
    return Answer.HOLDS, f"one fence for 8 flushes is {minimal}, wherever the flag is stored{saved}"


def _c5(found: Mapping[str, Found]) -> Ruled:
    wrong = [each for each in ("tail of 8 batches", "progress line") if found[each].is_violated]
    if not wrong:
        return Answer.HOLDS, "no run leaves a batch behind"
    repaired = found["flushed before idle"]
    cost = found["cost of a flush"].figure
    price = f" (time to fill a slot {cost}, simulated)" if cost is not None and not cost.undecided else ""
    mended = f"; flushing before going idle is enough{price}" if repaired.passes else ""
    return Answer.REFUTED, f"{found[wrong[0]].words.partition(': ')[2] or found[wrong[0]].words}{mended}"


def _c9(found: Mapping[str, Found]) -> Ruled:
    sound = [name for name in ("per batch", "epoch of 64") if found[name].passes]
    if found["per message"].is_violated:
        return Answer.REFUTED, f"a flush and fence for each message is not enough: {found['per message'].words}"
    if not sound:
        return Answer.HOLDS, "no policy with fewer fences is sound"
    saving = found["saving"].figure
    if saving is None or saving.undecided or saving.high is None or saving.low is None:
        why = found["saving"].unavailable or (saving.undecided if saving else "") or "no bound"
        return Answer.CONDITION, f"not needed: {', '.join(sound)} sound; what they save was not decided ({why})"
    if -saving.high > STATED_GAIN:
        return Answer.REFUTED, f"{', '.join(sound)} sound; time of a batch {saving}, where 5-10 % was expected"
    return Answer.CONDITION, f"{', '.join(sound)} sound, if their guard follows the fence; time of a batch {saving}"


def _c10(found: Mapping[str, Found]) -> Ruled:
    stale = [name for name in ("next header never read again", "stale header") if found[name].is_violated]
    gain = found["gain on coherent memory"].figure
    measured = found["gain on coherent memory"].unavailable
    if gain is not None:
        measured = f"on coherent memory, time of a header: {gain.compared()}"
    if not stale:
        why = f"no reader loses a header; {measured}"
        if gain is None:
            return Answer.NOT_DECIDABLE, why
        if gain.changes is None:
            return Answer.UNKNOWN, why
        is_faster = gain.high is not None and gain.high < 0
        return (Answer.HOLDS if is_faster else Answer.MACHINE), why
    if found["dropped before it is read"].passes:
        return (
            Answer.CONDITION,
            f"sound only if the copy is dropped before it is read, else a header is lost; {measured}",
        )
    return Answer.REFUTED, f"a prefetched header is lost, dropped or not; {measured}"


CLAIMS = (
    Claim(
        "C4", "one fence for several flushes",
        "one fence for several flushes is enough",
        "findings, DEV-005",
        (
            ablated("n flushes, one fence", "publication-8"),
            ablated("guard before the fence", "flag-before-fence"),
            ablated("export flag of 09ae22d", "order5-publish"),
            floor_change("saving", "flush_clwb_fence_ns", "flush_clwb_8_lines_fence_ns",
                         "a line: with a fence of its own, with an eighth of one"),
        ),
        _c4,
    ),
    Claim(
        "C5", "progress every 8 batches or 64 KiB",
        "flushing progress every 8 batches or 64 KiB is safe",
        "findings, DEV-002 (DelegationThread)",
        (
            explored("tail of 8 batches", "delegation_tail_unflushed", "drained"),
            litmus("progress line", "delegation-progress"),
            litmus("flushed before idle", "delegation-progress-flushed"),
            _flushed_beside_evicted("cost of a flush"),
        ),
        _c5,
    ),
    Claim(
        "C9", "order 4 needs a flush per message",
        "order 4 needs flush and fence for each message; batching them is risky and gains 5-10 %",
        "findings, order 4 (AssignOrder)",
        (
            _policy("per message", "per_message"),
            _policy("per batch", "per_batch"),
            _policy("epoch of 64", "epoch(64)"),
            _policy("the policy of 09ae22d", "seed"),
            side_change("saving", "per_message", "per_batch", "messages_clwb", "per batch beside per message"),
        ),
        _c9,
    ),
    Claim(
        "C10", "prefetching the next header helps",
        "prefetching the next header helps",
        "findings, order 5 (BrokerScannerWorker5)",
        (
            explored("next header never read again", "prefetch_next_header", "drained"),
            litmus("stale header", "prefetch-next-header"),
            litmus("dropped before it is read", "prefetch-next-header-dropped"),
            floor_change("gain on coherent memory", "header_scan_64_memory_ns", "header_scan_64_memory_prefetch_ns",
                         "a header from memory, without and with prefetching"),
        ),
        _c10,
    ),
)  # fmt: skip
