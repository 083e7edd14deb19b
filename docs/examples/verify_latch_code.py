"""Check a latch code without asking the portal about it: by its public keys and its status list. Needs PyJWT[crypto].

    verify_latch_code.py https://latch.example.com /var/cache/latch [audience] < code.txt

Prints what a good code says and exits with 0; with 1 and the reason for any other; with 2 when nobody can tell.
"""

import base64
import hashlib
import json
import sys
import time
import urllib.request
import zlib
from pathlib import Path

import jwt

PORTAL, CACHE, AUDIENCE = sys.argv[1], Path(sys.argv[2]), (sys.argv[3:] or sys.argv[1:])[0]


def fetched(url: str, fresh: float) -> str:
    """Return what is there, asked for again once it is older than `fresh` seconds; the old one where that fails."""
    kept = CACHE / hashlib.sha256(url.encode()).hexdigest()
    if not kept.exists() or time.time() - kept.stat().st_mtime > fresh:
        try:
            Path(f"{kept}.new").write_bytes(urllib.request.urlopen(url, timeout=3).read())  # noqa: S310
            Path(f"{kept}.new").replace(kept)
        except OSError:
            if not kept.exists():
                raise
    return kept.read_text()


def opened(token: str, kind: str, audience: str | None = None) -> dict:
    """Return what the token says; raises InvalidTokenError unless it is of this kind, the portal's, and valid now."""
    header = jwt.get_unverified_header(token)
    for fresh in (300, 10):  # a key that is not known yet may be a new one
        for key in jwt.PyJWKSet.from_json(fetched(f"{PORTAL}/.well-known/jwks.json", fresh)).keys:
            if key.key_id == header.get("kid") and header.get("typ") == kind:
                checks = {"issuer": PORTAL, "audience": audience, "options": {"require": ["exp", "iat"]}}
                return jwt.decode(token, key, algorithms=["ES256"], leeway=2, **checks)
    raise jwt.InvalidTokenError(f"not a {kind} signed by a key of {PORTAL}")


try:
    CACHE.mkdir(parents=True, exist_ok=True)
    claims = opened(sys.stdin.read().strip(), "latch+jwt", AUDIENCE)
    place = claims["status"]["status_list"]
    listed = opened(fetched(place["uri"], 2), "statuslist+jwt")
    bits = zlib.decompress(base64.urlsafe_b64decode(listed["status_list"]["lst"] + "=="))
    if listed["sub"] != place["uri"] or bits[place["idx"] // 8] >> place["idx"] % 8 & 1:
        raise jwt.InvalidTokenError("revoked, or what it opened has ended")
    print(json.dumps(claims))
except (jwt.PyJWTError, LookupError) as error:
    sys.exit(f"refused: {error!r}")
except OSError as error:
    print(f"cannot tell: {error}", file=sys.stderr)
    sys.exit(2)
