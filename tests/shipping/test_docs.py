"""What docs/shipping.md has an operator set up is what the tests ship to."""

import json
import re

from latchportal.devcloud import streams
from tests.support.environment import ROOT


def test_the_stream_the_docs_declare_is_the_one_that_is_tested() -> None:
    text = (ROOT / "docs" / "shipping.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    declared = json.loads(block)["properties"]["streamDeclarations"]["Custom-LatchAudit"]["columns"]
    assert {one["name"]: one["type"] for one in declared} == streams.DECLARED["Custom-LatchAudit"]
