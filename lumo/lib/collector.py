"""Python's garbage collector in a process that runs for long and makes few cycles."""

import gc


def calm() -> None:
    """Leave alone what start-up made, and look for cycles rarely. Call it once, when everything is loaded.

    By default it looks after every 700 new objects, and then at the thousand requests under way and all of Django: a
    quarter of ingest's CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
