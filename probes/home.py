"""Where Candor keeps its state: pulled sets, run files, the store and the spool."""

from __future__ import annotations

import os
import sys
from pathlib import Path


class HomeProblem(Exception):
    """The home cannot be made or written to; the message is one readable line."""


def candor_home() -> Path:
    """The absolute path of CANDOR_HOME, or of ``candor`` in the platform's user data directory.

    Creates it, for its owner alone (0700), where it is absent; a directory that is already there
    keeps its permissions. Raises HomeProblem where that cannot be done. The only place that reads
    CANDOR_HOME.
    """
    chosen = os.environ.get("CANDOR_HOME", "").strip()
    try:
        home = Path(chosen).expanduser() if chosen else _user_data_directory() / "candor"
        home = home.absolute()
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
    except (OSError, RuntimeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise HomeProblem(
            f"the home {chosen or 'directory'} cannot be made ({reason}); "
            "set CANDOR_HOME to a directory that you may write to"
        ) from problem
    if not os.access(home, os.W_OK | os.X_OK):
        raise HomeProblem(f"the home {home} cannot be written to; set CANDOR_HOME to another")
    return home


def expanded(path: Path) -> Path:
    """The path with its ``~`` or ``~NAME`` resolved; as it is where there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def hub_endpoint() -> str:
    """Where public sets are downloaded from: HF_ENDPOINT, or Hugging Face itself.

    A mirror is named as for Hugging Face's own clients; without a slash at the end.
    """
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"


def _user_data_directory() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME", "")
    # The XDG base directory specification: a relative path there is to be ignored.
    if Path(named).is_absolute():
        return Path(named)
    return Path.home() / ("AppData/Local" if sys.platform == "win32" else ".local/share")
