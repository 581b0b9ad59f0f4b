"""What a verification found, as a page for any browser: the table, and what lies around each witness.

A lane for each client; a bar for each batch, from when it was sent to when it was acknowledged, or where no times are
recorded, over its place in position order. Of what was read, a lane for the log and for each reader, and a bar at each
position. What is of the witness is red. Nothing is loaded from elsewhere.
"""

from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np

from fencepost.model.contract import Verdict
from fencepost.model.histories.checks.beside import Beside
from fencepost.model.histories.checks.verify import Finding, Verification
from fencepost.model.histories.log import Log
from fencepost.model.histories.passes.reader_lanes import LANE_HEIGHT, LEFT, WIDTH, reader_lanes
from fencepost.model.histories.records import NEVER, OrderedBatch
from fencepost.model.page_policy import NO_SCRIPT

AROUND = 6  # batches before and behind each of the witness, in position order

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b1b1b }
table { border-collapse: collapse } td, th { text-align: left; padding: .25rem 1rem .25rem 0 }
.violated { color: #b00020; font-weight: 600 } .unknown { color: #8a6100 }
svg { width: 100%; background: #fafafa } text { font: 12px system-ui, sans-serif }
.bar { fill: #9db8d2 } .witness { fill: #d9485f } .lane { stroke: #ddd }
"""


def page(verifications: Iterable[tuple[Path, Verification]]) -> str:
    """Return the page of some files."""
    parts = [part for path, verification in verifications for part in _of_file(path, verification)]
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{NO_SCRIPT}<title>fencepost verify</title>'
        f"<style>{_STYLE}</style>"
    )
    return f"{head}\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"


def _of_file(path: Path, verification: Verification) -> Iterable[str]:
    yield f'<h1 class="{verification.verdict}">{verification.verdict}: {escape(str(path))}</h1>'
    rows = [(each.property, each.verdict, each.bound, each.anomaly, str(each.count)) for each in verification.findings]
    rows += [(each.property, Verdict.UNKNOWN, each.reason, "", "") for each in verification.not_expressible]
    yield "<table><tr><th>property<th>verdict<th>bound, or reason<th>anomaly<th>culprits</tr>"
    for name, verdict, bound, anomaly, count in rows:
        yield f'<tr><td>{name}<td class="{verdict}">{verdict}<td>{escape(bound)}<td>{anomaly}<td>{count}</tr>'
    yield "</table>"
    for finding in verification.findings:
        if finding.witness is not None:
            numbers = ", ".join(map(str, finding.witness.rows))
            yield f"<h2>{finding.property}: {finding.anomaly}</h2>"
            yield f"<p>{escape(finding.witness.sentence)} (row {numbers})</p>"
            if verification.log is not None and finding.witness.batches:
                yield _lanes(verification.log, finding)
            elif verification.log is not None and finding.property in ("agreement", "reading"):
                yield reader_lanes(verification.log, verification.beside or Beside(), finding.witness)


def _lanes(log: Log, finding: Finding) -> str:
    """Return the batches around a witness as lanes."""
    assert finding.witness is not None
    file_rows = np.arange(1, len(log.history) + 1) if log.rows is None else log.rows
    witness = np.flatnonzero(np.isin(file_rows, finding.witness.rows))
    order = np.argsort(log.history.start_position, kind="stable")
    places = np.flatnonzero(np.isin(order, witness))
    near = np.unique(np.concatenate([np.arange(place - AROUND, place + AROUND + 1) for place in places.tolist()]))
    shown = [int(order[place]) for place in near[(near >= 0) & (near < len(order))].tolist()]
    batches = [log.history[index] for index in shown]
    spans = _spans(batches)
    first, last = min(begin for begin, _ in spans), max(end for _, end in spans)
    lanes = {client: lane for lane, client in enumerate(sorted({batch.client_id for batch in batches}))}
    drawn = [f'<svg viewBox="0 0 {WIDTH} {len(lanes) * LANE_HEIGHT + 24}">']
    for client, lane in lanes.items():
        y = lane * LANE_HEIGHT + 20
        drawn.append(f'<text x="4" y="{y}">client {escape(log.client(client))}</text>')
        drawn.append(f'<line class="lane" x1="{LEFT}" x2="{WIDTH}" y1="{y + 6}" y2="{y + 6}"/>')
    scale = (WIDTH - LEFT - 20) / max(1, last - first)
    in_witness = set(witness.tolist())
    for index, batch, (begin, end) in zip(shown, batches, spans, strict=True):
        x, width = LEFT + (begin - first) * scale, max(4.0, (end - begin) * scale)
        y = lanes[batch.client_id] * LANE_HEIGHT + 6
        kind = "witness" if index in in_witness else "bar"
        drawn.append(f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="16" rx="2">')
        drawn.append(f"<title>{escape(_said(log, batch))}, row {file_rows[index]}</title></rect>")
        drawn.append(f'<text x="{x + 3:.1f}" y="{y + 12}">{batch.batch_seq}</text>')
    return "\n".join([*drawn, "</svg>"])


def _spans(batches: list[OrderedBatch]) -> list[tuple[int, int]]:
    """Return from where to where each bar goes: over times if any is recorded, else over places."""
    if all(batch.sent_ns == NEVER for batch in batches):
        return [(2 * place, 2 * place + 1) for place in range(len(batches))]
    latest = max(max(batch.sent_ns, batch.acked_ns) for batch in batches)
    return [(max(0, batch.sent_ns), latest if batch.acked_ns == NEVER else batch.acked_ns) for batch in batches]


def _said(log: Log, batch: OrderedBatch) -> str:
    end = batch.start_position + batch.message_count - 1
    times = "".join(
        f", {word} at {time} ns" for word, time in (("sent", batch.sent_ns), ("acked", batch.acked_ns)) if time != NEVER
    )
    return f"client {log.client(batch.client_id)} batch {batch.batch_seq} at {batch.start_position}..{end}{times}"
