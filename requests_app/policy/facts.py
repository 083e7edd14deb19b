"""What policy is told of one attempt.

Frozen dataclasses only; how the facts are gathered belongs elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from requests_app.policy.windows import Plan

# When policy is asked: a request for more time is asked and, once agreed to, activated by nobody's further click.
REQUEST, APPROVAL, ACTIVATION, BREAK_GLASS = "request", "approval", "activation", "break_glass"

# Nobody is believed to be enabled, or in a group, by a copy of the directory that is older.
DIRECTORY_FRESH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A person as the directory copy knows them.

    `enabled` None means nobody knows, which counts as no; `directory_age` None means the copy was never made.
    `group_ids` are the ids of every group they are in, nested ones too, in lower case. `taken_away` says, by the
    entitlement's key, why something is kept from this person whatever the rules say. `on_call` names the rotas on which
    they are on call now.
    """

    oid: str
    label: str
    enabled: bool | None
    guest: bool
    group_ids: frozenset[str]
    directory_age: timedelta | None
    taken_away: Mapping[str, str] = field(default_factory=dict)
    on_call: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EntitlementFacts:
    """One entitlement with its resource; `tags` are the entitlement's and the resource's together."""

    key: str
    name: str
    kind: str
    tags: frozenset[str]
    environment: str
    resource_key: str
    resource_name: str
    owner_oid: str
    destination: str
    active: bool


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who may decide a stage: by themself, or `in_place_of` somebody (an oid) who lent them the right.

    `away_until` is when they are back, for whoever is out of office now.
    """

    oid: str
    label: str
    in_place_of: str = ""
    away_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Surrounding:
    """One thing about Azure that bears on the opening: already open elsewhere, beaten, locked. Known by its kind."""

    kind: str
    sentence: str
    refuses: bool = False


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """What Entra said of this session's sign-in: when the person proved who they are, and which contexts it met."""

    auth_time: datetime | None
    acrs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One person asking for one entitlement at one moment (`at`, aware).

    `source` is the address to be let in; `observed_source` the one the client is seen at, None where no
    client is on
    the line (a worker checks again). `approvers` lists by stage name who may decide it now, the requester
    left out; `alternates` who joins them when a stage escalates.
    `containers_known` is whether the containers in Azure were ever read, `surroundings` what was found there.
    `moments` says what is being done, `sign_in` what is known of the session that does it; None proves nothing.
    `void_contexts` says, by authentication context, why it proves nothing although Entra may give it. `plan` says when
    it is to be had; None is now.
    `asked_by` is who asks, where that is not `person`, who would get the access; `sign_in` is then theirs, and the lists
    may still hold them: nobody decides what they asked for, so the checks leave them out.
    """

    person: PersonFacts
    entitlement: EntitlementFacts
    duration: timedelta
    reason: str
    ticket: str
    source: str
    observed_source: str | None
    at: datetime
    approvers: Mapping[str, tuple[Approver, ...]]
    alternates: Mapping[str, tuple[Approver, ...]] = field(default_factory=dict)
    containers_known: bool = True
    surroundings: tuple[Surrounding, ...] = ()
    moments: tuple[str, ...] = (REQUEST,)
    sign_in: SignInFacts | None = None
    void_contexts: Mapping[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    asked_by: PersonFacts | None = None
