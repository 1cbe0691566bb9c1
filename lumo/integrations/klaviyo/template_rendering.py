"""One rendering: the data it sees, and what it may cost."""

from django.template import Context

from lumo.integrations.klaviyo.template_limits import OUTPUT_LIMIT, STEP_LIMIT, TemplateFault

_STEP_CHARACTERS = 256  # of a value that a filter makes, count as a step


class Rendering(Context):
    """Django's context over plain data, in nobody's language and zone, that counts steps and characters."""

    def __init__(self, data: dict[str, object], *, autoescape: bool) -> None:
        super().__init__(data, autoescape=autoescape, use_l10n=False, use_tz=False)
        self._steps = 0
        self._written = 0
        self._memories: dict[int, tuple[object, dict[object, object]]] = {}

    def step(self, count: int = 1, *, size: int = 0) -> None:
        """Count steps, and the size of a value made. Raises TemplateFault when it was one too many."""
        self._steps += count + size // _STEP_CHARACTERS
        self.check()

    def write(self, size: int) -> None:
        """Count characters of output. Raises TemplateFault when it was one too many."""
        self._written += size
        self.check()

    def check(self) -> None:
        """Raise TemplateFault when a limit was passed: `{% if %}` swallows what is raised inside its condition."""
        if self._steps > STEP_LIMIT:
            raise TemplateFault(f"The template takes more than {STEP_LIMIT:,} steps to render.")
        if self._written > OUTPUT_LIMIT:
            raise TemplateFault("The output grows longer than 1 MiB.")

    def memory_of(self, loop: object) -> dict[object, object]:
        """What is remembered while this very loop runs. It holds the loop, so that no other can take its identity."""
        return self._memories.setdefault(id(loop), (loop, {}))[1]
