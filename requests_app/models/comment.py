"""What people say to each other about a request: questions, answers, remarks. Never changed, never removed."""

from django.db import models
from django.db.models import Q

from requests_app.models.person import Person
from requests_app.models.request import AccessRequest


class Comment(models.Model):
    """One thing said about a request, seen by its requester and its approvers."""

    class Kind(models.TextChoices):
        """What it is: a question stops the request until it is answered."""

        QUESTION = "question", "Question"
        ANSWER = "answer", "Answer"
        REMARK = "remark", "Remark"

    access_request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="comments")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="comments")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.REMARK)
    text = models.TextField()
    said_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["access_request", "id"], name="comment_of_request")]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="comment_says_something"),
            models.CheckConstraint(
                condition=Q(kind__in=["question", "answer", "remark"]), name="comment_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.person} on request {self.access_request_id}"
