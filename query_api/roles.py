"""Which role each route of the query API takes; *HTTP* -> query. A route that is not here does not start."""

from __future__ import annotations

from shared.auth.callers import Role
from shared.http.guard import RoleTable

ROLES: RoleTable = {
    "GET /datasets": Role.VIEWER,
    "GET /datasets/{name}": Role.VIEWER,
    "GET /events": Role.VIEWER,
    "GET /users": Role.ADMINISTRATOR,
    "GET /datasets/{name}/rebuilds": Role.VIEWER,
    "GET /datasets/{name}/rebuilds/{id}": Role.VIEWER,
    "GET /parked": Role.VIEWER,
    "GET /uploads": Role.VIEWER,
    "GET /uploads/{upload_id}": Role.VIEWER,
    "GET /uploads/{upload_id}/errors": Role.VIEWER,
    "GET /uploads/{upload_id}/errors.csv": Role.VIEWER,
    "GET /uploads/{upload_id}/events": Role.VIEWER,
    "GET /uploads/{upload_id}/file": Role.VIEWER,
    "GET /{dataset}": Role.VIEWER,
    "GET /{dataset}/{key}": Role.VIEWER,
    "GET /{dataset}/{key}/{dataset}": Role.VIEWER,
    "GET /{dataset}/{key}/{dataset}/totals": Role.VIEWER,
    "GET /{dataset}/{key}/history": Role.VIEWER,
    "GET /{dataset}/changes/{position}": Role.VIEWER,
    "GET /{dataset}/summary": Role.VIEWER,
    "GET /{dataset}/rankings": Role.VIEWER,
    "GET /{dataset}/rankings/*": Role.VIEWER,
}
