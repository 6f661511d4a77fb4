"""Which routes of the command API have a limit of their own; *HTTP* -> command. Others count for `user` together."""

from __future__ import annotations

from shared.http.limits import LimitTable
from shared.shares import Limit

LIMITS: LimitTable = {
    "POST /{dataset}/uploads": Limit(600, 60),
    "POST /uploads/{upload_id}/fixes": Limit(60, 60),
    "POST /users": Limit(60, 60),
    "POST /tokens": Limit(300, 60),
    "POST /tokens/refresh": Limit(300, 60),
}
"""Each of these costs more than a record: a file, or a password's hash."""
