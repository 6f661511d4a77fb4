-- Rebuilds: what people ask for (schema "store", written by the command API) and the generations that come of it.

CREATE TABLE store.rebuilds (
    id                 uuid PRIMARY KEY,
    dataset            text NOT NULL,
    purpose            text NOT NULL CHECK (purpose IN ('rebuild', 'verify', 'as-of', 'restore')),
    name               text,                        -- of an as-of generation: what readers ask for
    until_position     bigint,                      -- the last position that is folded (inclusive); NULL: all
    restores           uuid REFERENCES store.rebuilds,  -- whose flip is taken back
    accept_differences boolean NOT NULL DEFAULT false,
    asked_by           text NOT NULL,
    asked_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    cancelled_by       text,
    cancelled_at       timestamptz
);

CREATE UNIQUE INDEX rebuilds_by_name ON store.rebuilds (dataset, name) WHERE name IS NOT NULL AND cancelled_at IS NULL;
CREATE INDEX rebuilds_newest_first ON store.rebuilds (dataset, asked_at DESC);

-- Every generation there ever was, with the declaration that shaped it (shared/datasets/stored.py).
CREATE TABLE read.generations (
    dataset        text NOT NULL,
    generation     int NOT NULL,
    state          text NOT NULL,       -- building, live, retired, ready, verified, differs, cancelled, failed
    purpose        text NOT NULL,       -- first, or what store.rebuilds says
    rebuild_id     uuid,                -- who asked for it, or to serve it again; NULL for the first
    name           text,
    until_position bigint,
    fingerprint    text,                -- NULL until a projector has said with which declaration it folds
    declaration    json,
    replaced       int,                 -- the generation that was served before it
    began_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- How far it is, while it is built; for people, never for a decision.
    head           bigint,              -- the position that it has to reach, as of the last look
    rows           bigint,              -- of files, that are loaded
    rows_expected  bigint,
    rows_per_s     double precision,
    events_per_s   double precision,
    left_s         double precision,
    moved_at       timestamptz,
    compared       json,                -- how its tables stand to those that were served: digests, differences, samples
    failure        text,
    ended_at       timestamptz,         -- when it was flipped to, or has come to its end
    retired_at     timestamptz,
    dropped_at     timestamptz,         -- its tables are gone
    PRIMARY KEY (dataset, generation)
);

-- What came of each request, once: the generation that it made or brought back, or why there is none.
CREATE TABLE read.rebuilds (
    id         uuid PRIMARY KEY,
    dataset    text NOT NULL,
    generation int,
    failure    text
);

CREATE INDEX generations_by_name ON read.generations (dataset, name) WHERE name IS NOT NULL;

INSERT INTO read.generations (dataset, generation, state, purpose) SELECT dataset, generation, 'live', 'first' FROM read.datasets;
