"""The admin of this app: the catalogue can be kept here, everything else is for reading."""

from requests_app.admin import catalogue, people, reading

__all__ = ["catalogue", "people", "reading"]
