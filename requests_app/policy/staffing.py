"""Whether every stage can be decided at all by the people there are; who they are is handed in."""

from requests_app.policy.checks import Check
from requests_app.policy.facts import Attempt
from requests_app.policy.verdict import StageNeed
