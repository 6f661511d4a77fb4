-- The event store (schema "store", written by the command API) and the books of the projectors (schema "read").
-- The read tables of a dataset are not here: each generation makes its own (shared/read_tables.py).

CREATE SCHEMA store;

-- The last position of each dataset; locking its row is what makes positions gapless and ordered by commit.
CREATE TABLE store.heads (
    dataset  text PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0)
);

CREATE TABLE store.events (
    dataset        text NOT NULL,
    position       bigint NOT NULL CHECK (position > 0),
    event_id       uuid NOT NULL UNIQUE,
    type           text NOT NULL,
    version        int NOT NULL,
    actor          text NOT NULL,
    correlation_id uuid NOT NULL,
    recorded_at    timestamptz NOT NULL,
    data           json NOT NULL,
    PRIMARY KEY (dataset, position)
);

-- What may happen once only: a file's bytes, an upload's publication. Written with the event that it guards.
CREATE TABLE store.claims (
    dataset   text NOT NULL,
    claim     text NOT NULL,
    position  bigint NOT NULL,
    upload_id uuid,
    PRIMARY KEY (dataset, claim)
);

CREATE TABLE store.leases (
    name       text PRIMARY KEY,
    owner      text NOT NULL,
    epoch      bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE SCHEMA read;

-- Which generation of a dataset's read tables is served.
CREATE TABLE read.datasets (
    dataset    text PRIMARY KEY,
    generation int NOT NULL
);

-- How far a generation has folded its dataset's log. `stream_offset` is a hint where to read on; NULL means from the first.
CREATE TABLE read.checkpoints (
    dataset       text NOT NULL,
    generation    int NOT NULL,
    position      bigint NOT NULL,
    stream_offset bigint,
    epoch         bigint NOT NULL,
    folded_at     timestamptz NOT NULL,
    PRIMARY KEY (dataset, generation)
);

CREATE TABLE read.leases (
    name       text PRIMARY KEY,
    owner      text NOT NULL,
    epoch      bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

-- One row for each projector that lives, renewed every few seconds.
CREATE TABLE read.projectors (
    name    text PRIMARY KEY,
    seen_at timestamptz NOT NULL
);

CREATE TABLE read.uploads (
    dataset            text NOT NULL,
    generation         int NOT NULL,
    number             int NOT NULL,        -- 1 is the dataset's first upload; the `upload` of its records
    id                 uuid NOT NULL,
    state              text NOT NULL,       -- loading, loaded, publishing, published, failed
    received_position  bigint NOT NULL,
    published_position bigint,
    actor              text NOT NULL,
    source             text,
    file_name          text NOT NULL,
    blob_key           text NOT NULL,
    text_key           text NOT NULL,       -- the blob with the same text as UTF-8; blob_key where the file is UTF-8
    media_type         text NOT NULL,
    sha256             text NOT NULL,
    size_bytes         bigint NOT NULL,
    dialect            json NOT NULL,
    header             json NOT NULL,
    segment            int NOT NULL,        -- where its records go: 0 is the open segment, else its own number
    chunks             int NOT NULL,
    chunks_done        int NOT NULL DEFAULT 0,
    rows_read          int NOT NULL DEFAULT 0,
    rows_accepted      int NOT NULL DEFAULT 0,
    rows_rejected      int NOT NULL DEFAULT 0,
    rows_duplicate     int NOT NULL DEFAULT 0,
    rows_blank         int NOT NULL DEFAULT 0,
    records            int,
    records_superseded int,
    failure            json,
    received_at        timestamptz NOT NULL,
    published_at       timestamptz,
    -- When this generation did what, by the clock of the database: for people, never for a decision.
    folded_at          timestamptz NOT NULL,
    chunks_loaded_at   timestamptz,
    indexed_at         timestamptz,
    attached_at        timestamptz,
    PRIMARY KEY (dataset, generation, number),
    UNIQUE (id, generation)
);

CREATE INDEX uploads_newest_first ON read.uploads (received_at DESC, id);
CREATE INDEX uploads_by_source ON read.uploads (dataset, generation, source) WHERE source IS NOT NULL;

CREATE TABLE read.chunks (
    dataset    text NOT NULL,
    generation int NOT NULL,
    upload     int NOT NULL,
    number     int NOT NULL,
    "offset"   bigint NOT NULL,
    size_bytes int NOT NULL,
    first_row  int NOT NULL,
    first_line int NOT NULL,
    rows       int NOT NULL,
    done_by    text,                        -- the projector that loaded it; NULL while it waits
    PRIMARY KEY (dataset, generation, upload, number)
);
