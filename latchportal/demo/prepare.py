"""`python -m latchportal.demo.prepare`: an empty database becomes the demo's, told what to do as its operators would be.

One process for all of these commands: importing the site takes longer than most of them.
"""

import argparse
import os

import django
from django.core.management import call_command


def main() -> None:
    """Tables, policy, the right to open, people; and a past of so many requests, if asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeded", type=int, default=0)
    seeded = parser.parse_args().seeded
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "latchportal.settings")
    django.setup()
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    call_command("policy", "load")
    call_command("arm", reason="A demo's database is new each time, and nobody else's")
    call_command("directory")
    if seeded:
        call_command("seed", requests=seeded)


if __name__ == "__main__":
    main()
