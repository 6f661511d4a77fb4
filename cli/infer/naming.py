"""Names of fields made of labels; beside the flow, for `tablefold infer`."""

from __future__ import annotations

import itertools
import keyword
import re
import unicodedata
from collections.abc import Sequence

from shared.datasets.declaration import NAME_CHARACTERS
from shared.selection.filters import RESERVED
from shared.tabular.header import normalized

TAKEN = RESERVED | {"sort", "limit", "cursor", "offset", "count"}
"""Parameters that every list of records has, and the provenance of a record."""
SPARE = 6
"""Characters that are left for a number behind a name."""


def field_names(labels: Sequence[str]) -> list[str]:
    """A different name for each label, ASCII, free to be a field and a query parameter.

    No name is another column's label: each column must mean one field only.
    """
    known = {normalized(label) for label in labels}
    used: set[str] = set()
    found = []
    for place, label in enumerate(labels, 1):
        own, name = normalized(label), identifier(label) or f"column_{place}"
        tries = (f"{name}_{number}" if number > 1 else name for number in itertools.count(1))
        free = next(
            one
            for one in tries
            if one not in TAKEN
            and normalized(one) not in used
            and (normalized(one) == own or normalized(one) not in known)
        )
        used.add(normalized(free))
        found.append(free)
    return found


def identifier(text: str) -> str:
    """A short lower-case ASCII name for a text; empty where it has no letter of the kind."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[: NAME_CHARACTERS - SPARE].strip("_")
    if not re.search("[a-z]", name):
        return ""
    name = f"column_{name}" if name[0].isdigit() else name
    return f"{name}_2" if keyword.iskeyword(name) else name[: NAME_CHARACTERS - SPARE].strip("_")
