"""The three ways in which a provider fails."""


class ProviderError(Exception):
    """A call to a provider did not succeed. `detail` holds the provider's own words, safe to show."""

    def __init__(self, detail: str = "", *, status: int = 0) -> None:
        super().__init__(detail or f"status {status}")
        self.detail = detail
        self.status = status


class TransientError(ProviderError):
    """It may work later: time-out, transport error, 429, 5xx. `retry_after` in seconds where the provider said so."""

    def __init__(self, detail: str = "", *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(detail, status=status)
        self.retry_after = retry_after


class PermanentError(ProviderError):
    """This very call can never work. `reason` is a code of the catalogue (`lumo.deliveries.reasons`)."""

    def __init__(self, reason: str, detail: str = "", *, status: int = 0) -> None:
        super().__init__(detail, status=status)
        self.reason = reason


class RefusedError(ProviderError):
    """Our account there is broken: pause it and tell a person. `reason` is a code of the catalogue."""

    def __init__(self, reason: str, detail: str = "", *, status: int = 0) -> None:
        super().__init__(detail, status=status)
        self.reason = reason
