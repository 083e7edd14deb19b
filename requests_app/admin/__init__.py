"""The admin of this app: the catalogue and the verifiers can be kept here, everything else is for reading."""

from requests_app.admin import catalogue, people, reading, verifiers, waiting

__all__ = ["catalogue", "people", "reading", "verifiers", "waiting"]
