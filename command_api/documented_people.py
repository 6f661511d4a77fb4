"""What OpenAPI tells of users, tokens and keys; *HTTP* -> command."""

from __future__ import annotations

from typing import Final

from command_api.people import Login, NewKey, NewPassword, NewUser, Refresh, User
from command_api.sessions import Tokens
from command_api.users import Change, Key
from shared.http.told import NO_BODY, Answer, Told, ToldTable

USER: Final = {"name": {"description": "The name of the user.", "example": "ann"}}
KEY: Final = {"key_id": {"description": "The id of the key.", "example": "0123456789abcdef"}}
BODY: Final = ("bad-request", "request-entity-too-large")

OF_PEOPLE: ToldTable = {
    "POST /users": Told(
        summary="Add a user",
        tag="people",
        says="Registration is for administrators unless `TABLEFOLD_OPEN_REGISTRATION` says otherwise; then whoever adds"
        " himself is a viewer. A password has at least 12 characters, and is none of the commonest. At most 16 KiB.",
        answers={201: Answer(says="The user.", shape=User)},
        problems=(*BODY, "forbidden", "not-found", "conflict", "bad-password"),
        body=NewUser,
    ),
    "PATCH /users/{name}": Told(
        path=USER,
        summary="Change a user",
        tag="people",
        says="Another role, scopes, quota, or roles in single datasets; disable or enable. Disabling ends all sessions."
        " Nobody changes himself.",
        answers={204: Answer(says="It is so now.", media_types=NO_BODY)},
        problems=(*BODY, "not-found"),
        body=Change,
    ),
    "PUT /users/{name}/password": Told(
        path=USER,
        summary="Set a password",
        tag="people",
        says="The own one with the current one, or as an administrator anybody's. All sessions of the user end.",
        answers={204: Answer(says="It is set.", media_types=NO_BODY)},
        problems=(*BODY, "not-found", "bad-password"),
        body=NewPassword,
    ),
    "POST /tokens": Told(
        summary="Log in",
        tag="people",
        says="Tokens for a name and a password: access for 15 minutes, and a refresh token for the next ones. After"
        " wrong passwords the next attempt has to wait, longer each time.",
        answers={200: Answer(says="The tokens.", shape=Tokens)},
        problems=(*BODY, "unauthenticated", "forbidden"),
        body=Login,
    ),
    "POST /tokens/refresh": Told(
        summary="Take the next tokens",
        tag="people",
        says="Gives a refresh token up for the next tokens. One that was given up before ends the whole session.",
        answers={200: Answer(says="The tokens.", shape=Tokens)},
        problems=(*BODY, "unauthenticated"),
        body=Refresh,
    ),
    "DELETE /tokens": Told(
        summary="Log out",
        tag="people",
        says="Ends the session of the token that is shown. A key has none.",
        answers={204: Answer(says="It has ended.", media_types=NO_BODY)},
    ),
    "POST /keys": Told(
        summary="Make an API key",
        tag="people",
        says="A key for a machine: it may at most what the token may that makes it. It is shown this once.",
        answers={201: Answer(says="The key.", shape=Key)},
        problems=BODY,
        body=NewKey,
    ),
    "DELETE /keys/{key_id}": Told(
        path=KEY,
        summary="Revoke an API key",
        tag="people",
        says="An own one, or as an administrator anybody's.",
        answers={204: Answer(says="It is no more.", media_types=NO_BODY)},
        problems=("not-found",),
    ),
}
