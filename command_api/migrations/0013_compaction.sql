-- Compaction: segments of a generation that are or were merged into one (projector/compacting.py).

CREATE TABLE read.merges (
    dataset         text NOT NULL,
    generation      int NOT NULL,
    number          int NOT NULL CHECK (number < 0),  -- of the merged segment in read.segments; never used again
    sources         int[] NOT NULL,                   -- the segments that were merged
    uploads         int[] NOT NULL,                   -- whose records they hold
    state           text NOT NULL CHECK (state IN ('copying', 'swapped', 'abandoned')),
    began_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    copied_position bigint,                           -- the checkpoint that is carried over
    records         bigint,                           -- that were copied
    swapped_at      timestamptz,
    dropped_at      timestamptz,                      -- the tables that are not read any more are gone
    PRIMARY KEY (dataset, generation, number)
);

CREATE INDEX merges_left_over ON read.merges (dataset, generation) WHERE dropped_at IS NULL;
