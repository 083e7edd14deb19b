"""What proves the trail: seals, each event's place under one, and how far the outside was told. Never changed."""

from django.db import models

from audit_app.fields import TransactionField


class Seal(models.Model):
    """One closed tree of events, tied to the seal before it and signed. What its fields mean stands in chain.py."""

    sequence = models.BigIntegerField(primary_key=True)
    epoch = models.CharField(max_length=60)
    first = models.BigIntegerField()
    last = models.BigIntegerField(unique=True)
    count = models.IntegerField()
    root = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()
    horizon = TransactionField()
    partly = models.BigIntegerField()
    kid = models.CharField(max_length=80)
    signature = models.TextField(help_text="A compact JWS that holds the seal's very bytes.")

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(count__gt=0, last=models.F("first") + models.F("count") - 1),
                name="seal_spans_its_count",
            ),
        ]

    def __str__(self) -> str:
        return f"Seal {self.sequence}: positions {self.first} to {self.last}"


class SealedEvent(models.Model):
    """One event's place in the chain, and what of it was sealed. It stays when the event's person is erased."""

    position = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    uid = models.UUIDField()
    leaf = models.BinaryField()
    commitments = models.BinaryField(help_text="One hash for each personal field, in the order of chain.py.")
    at = models.DateTimeField(help_text="As it was when sealed, so that a changed time can be named.")
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"Event {self.event_id} at position {self.position}"


class HeadCursor(models.Model):
    """How far one destination outside was told of the seals, and when it is tried next."""

    destination = models.CharField(max_length=300, unique=True)
    sequence = models.BigIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.destination}: up to seal {self.sequence}"
