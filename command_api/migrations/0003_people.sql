-- Users, what proves who they are, and the audit. Written by the command API; none of it is an event.

CREATE TABLE store.users (
    user_id     uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    role        text NOT NULL CHECK (role IN ('none', 'viewer', 'editor', 'publisher', 'administrator')),
    scopes      text[] NOT NULL DEFAULT '{}',   -- what tokens of this user may be asked for
    disabled_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A role in one dataset, in place of the user's own.
CREATE TABLE store.dataset_roles (
    user_id uuid NOT NULL REFERENCES store.users ON DELETE CASCADE,
    dataset text NOT NULL,
    role    text NOT NULL CHECK (role IN ('none', 'viewer', 'editor', 'publisher', 'administrator')),
    PRIMARY KEY (user_id, dataset)
);

CREATE TABLE store.credentials (
    user_id       uuid PRIMARY KEY REFERENCES store.users ON DELETE CASCADE,
    password_hash text NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A family of refresh tokens: from one login to its end. `secret` turns a refresh token into its successor.
CREATE TABLE store.sessions (
    session_id uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES store.users ON DELETE CASCADE,
    scopes     text[] NOT NULL,
    secret     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX sessions_by_user ON store.sessions (user_id);

CREATE TABLE store.refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES store.sessions ON DELETE CASCADE,
    used_at    timestamptz
);

CREATE INDEX refresh_tokens_by_session ON store.refresh_tokens (session_id);

CREATE TABLE store.api_keys (
    key_id      text PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES store.users ON DELETE CASCADE,
    label       text NOT NULL,
    secret_hash bytea NOT NULL,
    role        text NOT NULL CHECK (role IN ('none', 'viewer', 'editor', 'publisher', 'administrator')),
    scopes      text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz
);

CREATE INDEX api_keys_by_user ON store.api_keys (user_id);

-- How often somebody tried to log in without success, by whom and from where (command_api/login_delays.py).
CREATE TABLE store.login_failures (
    subject   text PRIMARY KEY,
    failures  int NOT NULL,
    failed_at timestamptz NOT NULL
);

-- Who did what to users and keys, and who read sensitive values in the clear. Rows are added and never changed.
CREATE TABLE store.audit (
    audit_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor          text NOT NULL,
    action         text NOT NULL,
    subject        text NOT NULL,
    correlation_id uuid
);

CREATE FUNCTION store.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'store.audit is only added to'; END $$;

CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON store.audit
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change();

-- Whose upload it is: what a service must know to keep others from it.
ALTER TABLE store.uploads ADD COLUMN actor text;

UPDATE store.uploads AS u SET actor = e.actor FROM store.events AS e
WHERE e.dataset = u.dataset AND e.type = 'upload-received' AND (e.data ->> 'upload_id')::uuid = u.upload_id;

ALTER TABLE store.uploads ALTER COLUMN actor SET NOT NULL;
