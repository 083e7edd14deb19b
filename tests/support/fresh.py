"""What the session of somebody who proved everything a moment ago says of its sign-in. No tests, no decisions."""

from typing import Any


def proved() -> dict[str, Any]:
    """Return the facts as sign-in leaves them: now, with the context that the demo's policy asks for."""
    from audit_app.clock import now

    return {"auth_time": now().isoformat(), "acrs": ["c1"]}
