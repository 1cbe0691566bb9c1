"""The error that is meant for a person."""


class NotPossibleError(Exception):
    """What a person asked for can't be done; the message is a sentence for them, with the fix."""
