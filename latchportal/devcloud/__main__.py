"""`python -m latchportal.devcloud`: runs the pretend Azure until stopped. Only the command line is here."""

import argparse
import signal
import sys
from pathlib import Path

import uvicorn

from latchportal.devcloud import server, world


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM; 2 when the world, the host or the port is not good."""
    options = _parser().parse_args(arguments)
    try:
        app = server.build(
            world.load(options.world), write_seconds=options.write_seconds, state_dir=options.state_dir
        )
        config = server.configured(app, options.host, options.port)
        listener = server.bound(options.host, options.port)
    except (world.WorldError, ValueError, OSError) as error:
        sys.stderr.write(f"devcloud: {error}\n")
        return 2
    host = f"[{options.host}]" if ":" in options.host else options.host
    sys.stdout.write(f"pretend Azure on http://{host}:{listener.getsockname()[1]}/\n")
    sys.stdout.flush()
    # uvicorn hands the signal on when it is done, and by itself that would be the end of this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        app.state.cloud.save_now()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m latchportal.devcloud", description="A pretend Azure.")
    parser.add_argument("--world", type=Path, required=True, help="the organisation, as YAML")
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 or ::1, nothing else")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port and prints it")
    parser.add_argument("--write-seconds", type=float, default=0.4, help="how long a write takes")
    parser.add_argument("--state-dir", type=Path, help="keep rules here, so that a restart finds them again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
