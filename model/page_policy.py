"""What a page of fencepost may load and run, as the browser is told: nothing from elsewhere, no script but its own."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_PLACE = "@POLICY@"

_CONTENT = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
NO_SCRIPT = f'<meta http-equiv="Content-Security-Policy" content="{_CONTENT}">'
"""The element of a page without a script; styles and images are in the page itself."""


def with_policy(page: str) -> str:
    """Return a page with the policy in the first place that asks for one; its own scripts may run, by their hashes."""
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in _SCRIPT.findall(page))
    allowed = "".join(f" 'sha256-{each}'" for each in hashes)
    return page.replace(_PLACE, NO_SCRIPT.replace("'none';", f"'none'; script-src{allowed};"), 1)
