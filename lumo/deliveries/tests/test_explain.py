"""The catalogue of reasons: every code is explained, and everything that refuses has a code."""

import re

import pytest
from django.utils.functional import Promise

from lumo.deliveries.explain import EXPLANATIONS, Explanation, explain
from lumo.deliveries.reasons import KINDS, UNPROVEN, Reason
from lumo.flows.answers import REFUSALS


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained_in_whole_sentences(reason: Reason) -> None:
    for sentence in explain(reason):
        assert isinstance(sentence, Promise)  # told in the language of its reader
        assert re.fullmatch(r"[A-Z“].*\.", str(sentence)), sentence


def test_every_reason_tells_what_it_is_the_reason_of() -> None:
    assert KINDS.keys() == EXPLANATIONS.keys() == set(Reason)
    assert all(KINDS.values())


def test_every_refusal_of_a_request_is_in_the_catalogue() -> None:
    refusals = {reason for reason in Reason if "refused" in KINDS[reason]}
    assert {str(reason) for reason in refusals} == REFUSALS.keys()
    assert refusals >= UNPROVEN


def test_a_code_of_another_version_is_shown_as_it_is() -> None:
    assert explain("from_the_future") == Explanation("from_the_future", "")
