"""The only clock of the house. Nothing else reads the time; SQL is handed it too."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return timezone.now()
