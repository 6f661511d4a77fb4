"""Which role each route of the command API takes; *HTTP* -> command. A route that is not here does not start."""

from __future__ import annotations

from shared.auth.callers import Role
from shared.http.guard import OPEN, RoleTable

ROLES: RoleTable = {
    "POST /{dataset}/uploads": Role.EDITOR,
    "POST /{dataset}": Role.EDITOR,
    "PATCH /{dataset}": Role.EDITOR,
    "PUT /{dataset}/{key}": Role.EDITOR,
    "PATCH /{dataset}/{key}": Role.EDITOR,
    "DELETE /{dataset}/{key}": Role.EDITOR,
    "PUT /uploads/{upload_id}/errors/{row}": Role.EDITOR,
    "POST /uploads/{upload_id}/fixes": Role.EDITOR,
    "POST /uploads/{upload_id}/publish": Role.PUBLISHER,
    "DELETE /uploads/{upload_id}": Role.PUBLISHER,
    "POST /datasets/{name}/rebuilds": Role.PUBLISHER,
    "DELETE /datasets/{name}/rebuilds/{id}": Role.PUBLISHER,
    "POST /datasets/{name}/rebuilds/{id}/restore": Role.PUBLISHER,
    "POST /parked/{dataset}/{position}/retry": Role.PUBLISHER,
    "DELETE /parked/{dataset}/{position}": Role.PUBLISHER,
    "PATCH /users/{name}": Role.ADMINISTRATOR,
    "PUT /users/{name}/password": Role.NONE,
    "POST /tokens": OPEN,
    "POST /tokens/refresh": OPEN,
    "DELETE /tokens": Role.NONE,
    "POST /keys": Role.NONE,
    "DELETE /keys/{key_id}": Role.NONE,
}
"""Entries may stand here before their routes do; `none` is everybody who is known."""

REGISTRATION: dict[bool, RoleTable] = {
    False: {"POST /users": Role.ADMINISTRATOR},
    True: {"POST /users": OPEN},
}
"""By whether registration is open."""
