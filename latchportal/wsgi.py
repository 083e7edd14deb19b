"""The server's entry. Nothing else belongs here."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "latchportal.settings")
application = get_wsgi_application()

import latchportal.celery  # noqa: E402, F401  (so that the first wake pays for no import)
from requests_app import vault_keys  # noqa: E402

vault_keys.read_ahead()
