"""Putting bondstrap into an installer's ISO."""

# It looks at the version of Python before anything else here is read.
import bake  # noqa: F401
