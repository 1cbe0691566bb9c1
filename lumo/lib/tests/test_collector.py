"""The garbage collector of a serving process."""

import gc

from lumo.lib import collector


def test_what_start_up_made_is_looked_at_no_more() -> None:
    threshold = gc.get_threshold()
    try:
        collector.calm()
        assert gc.get_freeze_count() > 0
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
