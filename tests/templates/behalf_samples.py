"""The documented parameters of what is shown where one person asks for another. No assertions here."""

from typing import Any

from requests_app.views.new_for import ForFields

COMPONENTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "ask_for": (
        {
            "form": ForFields({"whom": "other", "person": "ada@x"}),
            "whom": {"own": True},
            "names": [{"display_name": "Ada", "user_principal_name": "ada@x", "job_title": "Engineer"}],
        },
        ("Somebody else", 'value="ada@x"', 'list="for-names"', 'id="for-names"', "Engineer", "checked"),
    ),
    "behalf_line": (
        {
            "access_request": {"asked_by": "Ben <b>", "requester_id": 7, "requester": "Ada"},
            "person": {"pk": 7},
        },
        ("by Ben &lt;b&gt; for you",),
    ),
}
