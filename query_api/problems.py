"""What OpenAPI says of problems; *HTTP* -> query."""

from __future__ import annotations

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Schema
from litestar.openapi.spec.enums import OpenAPIType

from query_api.schemas import TEXT
from shared.http.problems import MEDIA_TYPE

PROBLEM_TYPES = tuple(
    f"/problems/{code}"
    for code in ("bad-parameter", "not-found", "too-many-requests", "unavailable", "query-timeout", "internal")
)

PROBLEM = OpenAPIResponse(
    description="A problem as in RFC 9457; its type says which kind, `detail` what to do.",
    content={
        MEDIA_TYPE: OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.OBJECT,
                properties={
                    "type": Schema(type=OpenAPIType.STRING, description=f"One of {', '.join(PROBLEM_TYPES)}."),
                    "title": TEXT,
                    "status": Schema(type=OpenAPIType.INTEGER),
                    "detail": TEXT,
                    "instance": TEXT,
                },
                required=["type", "title", "status", "detail", "instance"],
            ),
            example={
                "type": "/problems/bad-parameter",
                "title": "A query parameter is unknown or cannot be read",
                "status": 400,
                "detail": "There is no parameter 'statuss' here. Did you mean status?",
                "instance": "/debts",
                "parameter": "statuss",
                "nearest": "status",
            },
        )
    },
)
