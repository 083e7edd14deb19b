"""Whether a message is still worth sending when its turn comes: decisions overtake the mails that ask for them."""

from enum import Enum, auto

from django.db.models import QuerySet

from requests_app.models import Decision, Message, Stage
from requests_app.notices.topics import ASKING, SETTLED


class Worth(Enum):
    """What to do with a message now."""

    SAY = auto()
    WAIT = auto()
    NOTHING = auto()


def worth(message: Message) -> Worth:
    """Return whether there is still something to say.

    Nothing, once a stage that is asked about was decided; and nobody is told so who was never asked. The caller holds
    the message's row.
    """
    if message.kind in ASKING:
        return Worth.SAY if _waits(message) else Worth.NOTHING
    if message.kind == SETTLED:
        return _worth_following(message)
    return Worth.SAY


def _waits(message: Message) -> bool:
    stage_id = message.context.get("stage_id")
    if stage_id is None:
        return True
    stage = Stage.objects.filter(pk=stage_id, state=Stage.State.ACTIVE).first()
    if stage is None:
        return False
    voted = Decision.objects.filter(access_request=stage.access_request_id, person=message.recipient_id)
    return message.recipient_id is None or not voted.exists()


def _worth_following(message: Message) -> Worth:
    before = asked_before(message)
    if before.filter(sent_at__isnull=False).exists():
        return Worth.SAY
    # What waits for its turn will find that there is nothing to say. What is being sent is locked: soon it is known.
    waiting = list(before.filter(due_at__isnull=False).values_list("pk", flat=True))
    free = before.filter(pk__in=waiting, due_at__isnull=False)
    held = free.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    return Worth.NOTHING if len(held) == len(waiting) else Worth.WAIT


def asked_before(message: Message) -> QuerySet[Message]:
    """Return what asked the same person, or the same channel, about the same stage."""
    return Message.objects.filter(
        recipient=message.recipient_id,
        channel=message.channel,
        story=message.story,
        kind__in=ASKING,
        context__stage_id=message.context["stage_id"],
    )
