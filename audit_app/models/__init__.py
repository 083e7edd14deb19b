"""The audit app's tables, one file a noun. Import them from here."""

from audit_app.models.activity import ActivityReading
from audit_app.models.alert import Alert, AlertCursor
from audit_app.models.export import Export, ExportRun, ExportSchedule
from audit_app.models.review import AccessReview, ReviewItem
from audit_app.models.seal import HeadCursor, Seal, SealedEvent
from audit_app.models.shipping import ShippingCursor
from audit_app.models.trail import Event

__all__ = [
    "AccessReview",
    "ActivityReading",
    "Alert",
    "AlertCursor",
    "Event",
    "Export",
    "ExportRun",
    "ExportSchedule",
    "HeadCursor",
    "ReviewItem",
    "Seal",
    "SealedEvent",
    "ShippingCursor",
]
