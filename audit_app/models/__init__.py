"""The audit app's tables, one file a noun. Import them from here."""

from audit_app.models.review import AccessReview, ReviewItem
from audit_app.models.trail import Event, Export

__all__ = ["AccessReview", "Event", "Export", "ReviewItem"]
