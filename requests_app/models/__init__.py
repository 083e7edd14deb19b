"""The tables of asking, deciding, opening and closing. Rules the database can keep stand here; verbs do not."""

from requests_app.models.absence import Absence, Delegation
from requests_app.models.arming import Arming
from requests_app.models.catalogue import Entitlement, PolicyVersion, Resource
from requests_app.models.comment import Comment
from requests_app.models.container import Attempt, Container, ContainerSnapshot, Opening
from requests_app.models.eligibility import EligibilitySpan
from requests_app.models.grant import Grant, LatchCode
from requests_app.models.heartbeat import Heartbeat
from requests_app.models.message import Message
from requests_app.models.notice_choices import NoticeChoices
from requests_app.models.person import DirectoryGroup, DirectoryMembership, Person, SignIn
from requests_app.models.request import AccessRequest, RequestItem
from requests_app.models.rota import Rota, Shift
from requests_app.models.stage import Decision, Stage
from requests_app.models.taken import TakenAway
from requests_app.models.verifier import Verifier

__all__ = [
    "Absence",
    "AccessRequest",
    "Arming",
    "Attempt",
    "Comment",
    "Container",
    "ContainerSnapshot",
    "Decision",
    "Delegation",
    "DirectoryGroup",
    "DirectoryMembership",
    "EligibilitySpan",
    "Entitlement",
    "Grant",
    "Heartbeat",
    "LatchCode",
    "Message",
    "NoticeChoices",
    "Opening",
    "Person",
    "PolicyVersion",
    "RequestItem",
    "Resource",
    "Rota",
    "Shift",
    "SignIn",
    "Stage",
    "TakenAway",
    "Verifier",
]
