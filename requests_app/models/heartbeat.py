"""When each recurring piece of work last did its round; the status page and the health check read it."""

from django.db import models


class Heartbeat(models.Model):
    """The last round of one recurring task."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    data = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"
