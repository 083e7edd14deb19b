"""How the admin looks: the portal's own colour and mark, its tables grouped by what one looks for. Data only."""

from typing import Any, Final

from django.templatetags.static import static
from django.urls import reverse_lazy

# The accent of the pages (see tokens.css), from the lightest to the darkest.
_ACCENT: Final = {
    "50": "oklch(97.2% .012 226)",
    "100": "oklch(94.1% .024 226)",
    "200": "oklch(88.4% .046 226)",
    "300": "oklch(81% .075 226)",
    "400": "oklch(76.5% .096 226)",
    "500": "oklch(62% .103 228)",
    "600": "oklch(44.2% .084 233)",
    "700": "oklch(37.6% .074 235)",
    "800": "oklch(32% .06 236)",
    "900": "oklch(27.5% .05 236)",
    "950": "oklch(20% .036 236)",
}
_SIDEBAR: Final = {
    "Catalogue": (
        ("Resources", "requests_app_resource"),
        ("Entitlements", "requests_app_entitlement"),
        ("Policy versions", "requests_app_policyversion"),
    ),
    "Access": (
        ("Requests", "requests_app_accessrequest"),
        ("Stages", "requests_app_stage"),
        ("Decisions", "requests_app_decision"),
        ("Grants", "requests_app_grant"),
        ("Latch codes", "requests_app_latchcode"),
        ("Verifiers", "requests_app_verifier"),
        ("Mails", "requests_app_message"),
    ),
    "Azure": (
        ("Openings", "requests_app_opening"),
        ("Attempts", "requests_app_attempt"),
        ("Containers", "requests_app_container"),
        ("Snapshots", "requests_app_containersnapshot"),
    ),
    "People": (
        ("People", "requests_app_person"),
        ("Roles", "auth_group"),
        ("Directory groups", "requests_app_directorygroup"),
        ("Sign-ins", "requests_app_signin"),
    ),
    "Trail": (("Events", "audit_app_event"), ("Exports", "audit_app_export")),
}


def unfold(instance: str) -> dict[str, Any]:
    """Return django-unfold's settings for this instance of the portal."""
    return {
        "SITE_TITLE": "latchportal",
        "SITE_HEADER": "latchportal",
        "SITE_SUBHEADER": instance,
        "SITE_URL": "/",
        "SITE_ICON": lambda request: static("latch/favicon.svg"),
        "SITE_FAVICONS": [
            {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("latch/favicon.svg")}
        ],
        "SHOW_HISTORY": False,
        "SHOW_VIEW_ON_SITE": False,
        "BORDER_RADIUS": "6px",
        "COLORS": {"primary": _ACCENT},
        "SIDEBAR": {
            "show_search": False,
            "show_all_applications": False,
            "navigation": [_group(title, links) for title, links in _SIDEBAR.items()],
        },
    }


def _group(title: str, links: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    items = [{"title": word, "link": reverse_lazy(f"admin:{name}_changelist")} for word, name in links]
    return {"title": title, "separator": True, "items": items}
