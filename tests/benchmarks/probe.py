"""`python -m tests.benchmarks.probe`: a fresh process previews, asks and decides in-process, then tells what it has loaded.

Told by the environment which database; prints one line of JSON. Run by the worker measure.
"""

import json
import sys

import django
from django.test import Client

ADA, MO, ADDRESS = sys.argv[1:4]


def main() -> None:
    """Print which modules of the Azure SDK are loaded after a preview and a decision."""
    django.setup()
    from requests_app.models import Person
    from tests.benchmarks.pages import ENTITLEMENT, form

    clients = []
    for oid in (ADA, MO):
        client = Client(
            headers={"x-forwarded-for": ADDRESS, "x-forwarded-proto": "http"}, SERVER_NAME="127.0.0.1"
        )
        client.force_login(Person.objects.get(oid=oid))
        clients.append(client)
    requester, approver = clients
    statuses = [requester.get("/requests/preview", {**form(ADDRESS), "entitlement": ENTITLEMENT}).status_code]
    asked = requester.post("/requests/new", form(ADDRESS))
    shown = approver.get(asked.headers["Location"]).content.decode()
    address = next(word for word in shown.split('"') if word.endswith("/decide"))
    statuses += [asked.status_code, approver.post(address, {"vote": "approve"}).status_code]
    azure = sorted(name for name in sys.modules if name.split(".")[0] in ("azure", "msrest", "msal"))
    print(json.dumps({"statuses": statuses, "azure": azure, "modules": len(sys.modules)}))


if __name__ == "__main__":
    main()
