"""The answer of the echo server."""

import html


def reply(path: str) -> str:
    """The page for a path: its text, safe inside HTML."""
    return f"<b>Got: {html.escape(path.lstrip('/'))}</b>!"
