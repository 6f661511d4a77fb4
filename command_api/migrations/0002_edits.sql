-- Corrections, withdrawals, reviews and history.

-- Which dataset an upload belongs to: what the command API must know to name it in a command.
CREATE TABLE store.uploads (
    upload_id uuid PRIMARY KEY,
    dataset   text NOT NULL
);

INSERT INTO store.uploads (upload_id, dataset)
SELECT (data ->> 'upload_id')::uuid, dataset FROM store.events WHERE type = 'upload-received';

-- A claim may be a caller's idempotency key: `fingerprint` is then the hash of what it came with, `duplicate` says that
-- the answer named an earlier event.
ALTER TABLE store.claims ADD COLUMN fingerprint text;
ALTER TABLE store.claims ADD COLUMN duplicate boolean NOT NULL DEFAULT false;

-- Requests under way that came with an idempotency key and take long; one that is not renewed expires.
CREATE TABLE store.reservations (
    claim      text PRIMARY KEY,
    owner      uuid NOT NULL,
    expires_at timestamptz NOT NULL
);

-- The periods in which segments are live. What a segment holds has the version `position` unless the record says otherwise;
-- with `ended_position` all that is left in it became history there: superseded or withdrawn, by upload `ended_by`.
CREATE TABLE read.segments (
    dataset        text NOT NULL,
    generation     int NOT NULL,
    number         int NOT NULL,
    position       bigint NOT NULL,
    recorded_at    timestamptz,
    ended_position bigint,
    ended_at       timestamptz,
    ended_kind     text,
    ended_by       int,
    ended_actor    text,
    PRIMARY KEY (dataset, generation, number)
);

-- What became of a command, by the position of its event; the last ten thousand of each dataset.
CREATE TABLE read.outcomes (
    dataset    text NOT NULL,
    generation int NOT NULL,
    position   bigint NOT NULL,
    code       text NOT NULL,               -- applied, or why not: not-found, exists, stale, rejected, conflict
    key        text,
    version    bigint,                      -- of the record now, where there is one
    record     json,                        -- the record now
    detail     json,                        -- what else the answer says
    PRIMARY KEY (dataset, generation, position)
);

ALTER TABLE read.uploads ADD COLUMN review boolean NOT NULL DEFAULT false;
ALTER TABLE read.uploads ADD COLUMN approved boolean NOT NULL DEFAULT false;
ALTER TABLE read.uploads ADD COLUMN on_error text NOT NULL DEFAULT 'skip';
-- What the upload would change (projector/previewing.py), as of which checkpoint.
ALTER TABLE read.uploads ADD COLUMN preview json, ADD COLUMN previewed_position bigint;
-- What its withdrawal undid and what it kept (projector/withdrawing.py).
ALTER TABLE read.uploads ADD COLUMN withdrawn_position bigint, ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN withdrawn_by text, ADD COLUMN withdrawal json;
