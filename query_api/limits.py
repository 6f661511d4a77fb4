"""Which routes of the query API have a limit of their own; *HTTP* -> query. Others count for `user` together."""

from __future__ import annotations

from shared.http.limits import LimitTable
from shared.shares import Limit

LIMITS: LimitTable = {
    "GET /clients": Limit(10, 60),
    "GET /transactions": Limit(10, 60),
    "GET /clients/{key}/transactions": Limit(10, 60),
}
"""The lists of people and of their money. Whoever needs all of it asks for one export, or for pages of 1,000."""
