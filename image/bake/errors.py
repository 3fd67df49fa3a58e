"""The one way to say no."""


class Refusal(Exception):
    """A sentence: what can't be done, where, and what would be right. Nothing has been written."""
