"""What goes wrong with a probe set, said in one readable line.

::

    SetProblem
    └── SourceUnreachable   the set's public home did not answer
"""

from __future__ import annotations


class SetProblem(Exception):
    """A set that is unknown, absent, damaged or unreadable; the message names the remedy."""


class SourceUnreachable(SetProblem):
    """The public home of a set cannot be reached; a local file would do instead."""
