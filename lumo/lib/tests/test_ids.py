"""Public ids."""

import re

from lumo.lib.ids import new_public_id


def test_a_public_id_names_its_kind_and_is_never_repeated() -> None:
    ids = {new_public_id("oa") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"oa_[0-9a-z]{16}", public_id) for public_id in ids)
