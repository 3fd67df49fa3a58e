"""Putting bondstrap into an installer's ISO."""
