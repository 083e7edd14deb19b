"""What every address of the site answers, to whom: one row an address. Read by test_url_matrix.py."""

from typing import NamedTuple

PERSONS = ("anonymous", "requester", "outsider", "manager", "auditor", "administrator")

# An answer is a status; `in`: sent to sign in; `door`: sent to the admin's own door, which refuses who is
# not an administrator; `on`: done, and sent on to another page.
EVERYBODY = "in 200 200 200 200 200"
ANYBODY = "200 200 200 200 200 200"
ELIGIBLE = "in 200 404 200 404 404"
AUDITORS = "in 403 403 403 200 200"
ADMINISTRATORS = "door door door door door 200"
REQUESTER = "in on 404 403 403 403"
NOWHERE = "in 404 404 404 404 404"
NEVER = "in 405 405 405 405 405"
NEVER_ANYBODY = "405 405 405 405 405 405"


class Row(NamedTuple):
    """One address: an example of it, and what a GET and a POST of `data` answer to each of PERSONS."""

    example: str
    get: str = NEVER
    post: str = NEVER
    data: dict[str, str] = {}
    # An export's file notes that it was fetched whole.
    get_writes: bool = False


WHY = {"reason": "Somebody has to look at it"}
ASKED = {"entitlement": "prod-web-01-ssh", "duration": "30m"}
CALLBACK = "accounts/oidc/entra/login/callback/"

ROWS: dict[str, Row] = {
    # Entra is out of reach in these tests, and says so: 503.
    "login/": Row("/login/", "200 on on on on on", "503 on on on on on"),
    "logout/": Row("/logout/", NEVER_ANYBODY, "in in in in in in"),
    # Without a form that waits there is nothing to prove.
    "step-up/": Row("/step-up/?for=request", "in on on on on on"),
    "admin/login/": Row("/admin/login/", "200 403 403 403 403 on", "503 403 403 403 403 on"),
    "admin/logout/": Row("/admin/logout/", NEVER_ANYBODY, "in in in in in in"),
    CALLBACK: Row(f"/{CALLBACK}", "400 400 400 400 400 400", NEVER_ANYBODY),
    "": Row("/", EVERYBODY),
    "catalogue/": Row("/catalogue/", EVERYBODY),
    # None of these is on call.
    "break-glass/": Row(
        "/break-glass/", EVERYBODY, "in 404 404 404 404 404", {"entitlement": "prod-web-01-ssh"}
    ),
    # Without a reason nothing is asked for: the form comes back.
    "requests/new": Row(
        "/requests/new?entitlement=prod-web-01-ssh", ELIGIBLE, "in 422 404 422 404 404", ASKED
    ),
    "requests/preview": Row("/requests/preview?entitlement=prod-web-01-ssh", ELIGIBLE, ELIGIBLE, ASKED),
    "requests/<int:pk>/": Row("/requests/{waiting}/", "in 200 404 200 200 200"),
    "requests/<int:pk>/withdraw": Row("/requests/{waiting}/withdraw", post=REQUESTER, data=WHY),
    # Nobody asked anything.
    "requests/<int:pk>/answer": Row(
        "/requests/{waiting}/answer", post="in 409 404 403 403 403", data={"text": "Yes"}
    ),
    "requests/<int:pk>/take-back": Row("/requests/{waiting}/take-back", post="in 403 404 403 403 403"),
    "requests/<int:pk>/comment": Row(
        "/requests/{waiting}/comment", post="in on 404 on 403 on", data={"text": "It is urgent"}
    ),
    "requests/<int:pk>/cancel": Row("/requests/{ready}/cancel", post=REQUESTER),
    "requests/<int:pk>/code": Row("/requests/{ready}/code", post="in 200 404 403 403 403"),
    "requests/<int:pk>/activate": Row("/requests/{ready}/activate", post=REQUESTER),
    "requests/<int:pk>/end": Row("/requests/{opening}/end", post=REQUESTER),
    "requests/<int:pk>/revoke": Row("/requests/{opening}/revoke", post="in 403 404 403 403 on", data=WHY),
    # What is not open yet can not be made longer or shorter; who may not says so first.
    "requests/<int:pk>/extend": Row(
        "/requests/{open}/extend",
        post="in on 404 403 403 403",
        data={**WHY, "total": "2700", "submission_key": "3b2f7a52-6a0f-4d3c-9a56-0c6f5d0f7a11"},
    ),
    "requests/<int:pk>/shorten": Row(
        "/requests/{open}/shorten", post="in on 404 on 403 on", data={**WHY, "left": "5m"}
    ),
    # Nobody took it away in Azure.
    "requests/<int:pk>/open-again": Row("/requests/{open}/open-again", post="in 409 404 403 403 403"),
    "resources/<slug:key>/close/": Row(
        "/resources/prod-web-03/close/", "in 403 403 403 403 200", "in 403 403 403 403 on", WHY
    ),
    "people/<uuid:oid>/close/": Row(
        "/people/{oid}/close/", "in 403 403 403 403 200", "in 403 403 403 403 on", WHY
    ),
    "away/": Row("/away/", EVERYBODY),
    # Without an end nothing is set: the form comes back.
    "away/say": Row("/away/say", post="in 422 422 422 422 422", data={"away": "on"}),
    "away/<slug:what>/<int:pk>/call-off": Row("/away/absence/999999/call-off", post=NOWHERE),
    "activate/": Row("/activate/", EVERYBODY, "in 403 403 403 403 403", {"code": "not.a.code"}),
    # For machines alone: being signed in as a person is nothing there.
    "oauth/introspect": Row(
        "/oauth/introspect", NEVER_ANYBODY, "401 401 401 401 401 401", {"token": "not.a.code"}
    ),
    "oauth/revoke": Row("/oauth/revoke", NEVER_ANYBODY, "401 401 401 401 401 401", {"token": "not.a.code"}),
    "inbox/": Row("/inbox/", EVERYBODY),
    # Without a tick nothing is decided: the list comes back.
    "inbox/decide": Row("/inbox/decide", post="in 422 422 422 422 422", data={"vote": "approve"}),
    # Without the hour of the digest nothing is kept: the form comes back.
    "notices/": Row("/notices/", EVERYBODY, "in 422 422 422 422 422"),
    "stages/<int:pk>/decide": Row(
        "/stages/{stage}/decide", post="in 403 404 on 403 403", data={"vote": "approve"}
    ),
    # Without words nothing is asked or added: the form comes back.
    "stages/<int:pk>/ask": Row("/stages/{stage}/ask", post="in 422 404 422 422 422"),
    "stages/<int:pk>/add-stage": Row("/stages/{stage}/add-stage", post="in 422 404 422 422 422"),
    "status/": Row("/status/", EVERYBODY),
    "status/revoke-everything": Row("/status/revoke-everything", post="in 403 403 403 403 on", data=WHY),
    "status/arm": Row("/status/arm", post="in 403 403 403 403 on", data={**WHY, "armed": "yes"}),
    "healthz": Row("/healthz", ANYBODY, NEVER_ANYBODY),
    "readyz": Row("/readyz", ANYBODY, NEVER_ANYBODY),
    ".well-known/jwks.json": Row("/.well-known/jwks.json", ANYBODY, NEVER_ANYBODY),
    ".well-known/trail-jwks.json": Row("/.well-known/trail-jwks.json", ANYBODY, NEVER_ANYBODY),
    ".well-known/latch-status/<int:number>": Row("/.well-known/latch-status/0", ANYBODY, NEVER_ANYBODY),
    "audit/": Row("/audit/", AUDITORS),
    "audit/events/": Row("/audit/events/", AUDITORS),
    # What was recorded a moment ago is not sealed yet, and says so.
    "audit/events/<uuid:uid>/proof.json": Row("/audit/events/{event}/proof.json", "in 403 403 403 409 409"),
    "audit/stories/<str:story>/": Row("/audit/stories/request-{waiting}/", AUDITORS),
    # Nobody said where Azure's log is: the page says how, and nothing can be asked.
    "audit/stories/<str:story>/activity/": Row("/audit/stories/request-{waiting}/activity/", AUDITORS),
    "audit/stories/<str:story>/activity/read": Row(
        "/audit/stories/request-{waiting}/activity/read", post="in 403 403 403 409 409"
    ),
    "audit/alerts/": Row("/audit/alerts/", AUDITORS),
    "audit/alerts/<int:pk>/": Row("/audit/alerts/{alert}/", AUDITORS),
    "audit/alerts/<int:pk>/acknowledge": Row(
        "/audit/alerts/{alert}/acknowledge", post="in 403 403 403 403 on", data=WHY
    ),
    # A reviewer sees the campaigns with rows for them; who runs campaigns is an administrator.
    "audit/reviews/": Row("/audit/reviews/", EVERYBODY),
    "audit/reviews/new": Row(
        "/audit/reviews/new", "in 403 403 403 403 200", "in 403 403 403 403 422", {"title": ""}
    ),
    "audit/reviews/<uuid:uid>/": Row("/audit/reviews/{review}/", "in 404 404 200 200 200"),
    "audit/reviews/<uuid:uid>/decide": Row(
        "/audit/reviews/{review}/decide",
        post="in 404 404 on 403 403",
        data={"item": "{row}", "choice": "keep"},
    ),
    "audit/reviews/<uuid:uid>/sign-off": Row(
        "/audit/reviews/{review}/sign-off", post="in 403 403 403 403 409"
    ),
    "audit/reviews/<uuid:uid>/call-off": Row(
        "/audit/reviews/{review}/call-off", post="in 403 403 403 403 409", data=WHY
    ),
    "audit/reviews/<uuid:uid>/evidence.zip": Row(
        "/audit/reviews/{review}/evidence.zip", post="in 404 404 404 409 409"
    ),
    "audit/reviews/rows/<int:pk>/undo": Row("/audit/reviews/rows/{row}/undo", post="in 403 403 409 403 403"),
    "taken-away/": Row("/taken-away/", AUDITORS),
    "taken-away/<int:pk>/give-back": Row(
        "/taken-away/{taken}/give-back", post="in 403 403 403 403 on", data=WHY
    ),
    "audit/exports/": Row("/audit/exports/", AUDITORS),
    "audit/exports/new": Row("/audit/exports/new", post="in 403 403 403 on on", data={"dataset": "events"}),
    "audit/exports/regular/<int:pk>/stop": Row(
        "/audit/exports/regular/{regular}/stop", post="in 403 403 403 403 on"
    ),
    # Nobody has fetched its file.
    "audit/exports/<uuid:uid>/manifest.json": Row(
        "/audit/exports/{export}/manifest.json", "in 403 403 403 409 409"
    ),
    "audit/exports/<uuid:uid>/file": Row("/audit/exports/{export}/file", AUDITORS, get_writes=True),
    "admin/": Row("/admin/", ADMINISTRATORS, ADMINISTRATORS),
    "admin/password_change/": Row("/admin/password_change/", NOWHERE, NOWHERE),
    "admin/password_change/done/": Row("/admin/password_change/done/", NOWHERE, NOWHERE),
    "admin/search/": Row("/admin/search/", "in door door door door 200", "in door door door door 200"),
    "admin/autocomplete/": Row(
        "/admin/autocomplete/", "door door door door door 403", "door door door door door 405"
    ),
    "admin/jsi18n/": Row("/admin/jsi18n/", ADMINISTRATORS, "door door door door door 405"),
    "admin/r/<path:content_type_id>/<path:object_id>/": Row(
        "/admin/r/1/1/", "door door door door door 404", "door door door door door 404"
    ),
    "admin/^(?P<app_label>requests_app|auth|audit_app)/$": Row(
        "/admin/requests_app/", ADMINISTRATORS, ADMINISTRATORS
    ),
    "admin/(?P<url>.*)$": Row(
        "/admin/nowhere", "door door door door door 404", "door door door door door 404"
    ),
}

# The addresses of one table of the admin: what an administrator is answered where the row is there, and where not.
Table = tuple[tuple[str, str, str], ...]
READ: Table = (
    ("", "200", "200"),
    ("add/", "403", "403"),
    ("{}/history/", "200", "on"),
    ("{}/delete/", "403", "403"),
    ("{}/change/", "200", "on"),
    ("{}/", "on", "on"),
)
EDITED: Table = (("", "200", "200"), ("add/", "200", "200"), *READ[2:])
MADE_HERE: Table = (*EDITED[:3], *READ[3:])
ADMIN_READERS = ("anonymous", "requester", "auditor", "administrator")
ADMIN_TABLES: dict[str, Table] = {
    "admin/requests_app/resource/": EDITED,
    "admin/requests_app/entitlement/": EDITED,
    "admin/requests_app/person/": READ,
    "admin/auth/group/": READ,
    "admin/requests_app/directorygroup/": READ,
    "admin/requests_app/signin/": READ,
    "admin/requests_app/accessrequest/": READ,
    "admin/requests_app/stage/": READ,
    "admin/requests_app/decision/": READ,
    "admin/requests_app/grant/": READ,
    "admin/requests_app/latchcode/": READ,
    "admin/requests_app/opening/": READ,
    "admin/requests_app/attempt/": READ,
    "admin/requests_app/container/": READ,
    "admin/requests_app/containersnapshot/": READ,
    "admin/requests_app/message/": READ,
    "admin/requests_app/policyversion/": READ,
    "admin/requests_app/absence/": READ,
    "admin/requests_app/delegation/": READ,
    "admin/requests_app/rota/": READ,
    "admin/requests_app/shift/": READ,
    "admin/requests_app/comment/": READ,
    "admin/requests_app/verifier/": MADE_HERE,
    "admin/audit_app/event/": READ,
    "admin/audit_app/export/": READ,
}
