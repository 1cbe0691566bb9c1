"""How LINE is to misbehave in the sandbox: kept in the record, obeyed by the emulator from the next call on."""

from typing import Literal

import msgspec


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """0 in a field turns it off. The monthly limit and who blocked whom are facts of the record, no faults.

    `status` answers every call that carries a token; `error_every` answers each n-th push 500 and accepts nothing;
    `lost_every` accepts each n-th push, and answers 500 all the same; `pushes_per_second` answers 429 above it;
    `delay_ms` answers pushes late.
    """

    status: Literal[0, 401, 403, 500] = 0
    error_every: int = 0
    lost_every: int = 0
    pushes_per_second: int = 0
    delay_ms: int = 0


NO_FAULTS = Faults()
