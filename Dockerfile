# One image for all services; what a container runs is its command, `python -m command_api|projector|query_api`.
FROM python:3.11-slim AS packages
COPY requirements.lock .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

FROM python:3.11-slim
# These folders belong to the user before volumes cover them: a new volume takes over its owner.
RUN useradd --system --uid 10001 --no-create-home tablefold \
    && install -d -o tablefold -g tablefold /var/lib/tablefold/public-keys /var/lib/tablefold/signing-keys \
    && install -d -o tablefold -g tablefold /var/lib/tablefold/blobs
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY shared shared
COPY command_api command_api
COPY projector projector
COPY query_api query_api
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER tablefold
