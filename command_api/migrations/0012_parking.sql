-- How often a chunk was begun by processes that did not live to end it; `tried_by` has counted already.
ALTER TABLE read.chunks ADD COLUMN attempts int NOT NULL DEFAULT 0, ADD COLUMN tried_by uuid;

-- A rebuild does not load what the log says has failed.
CREATE INDEX failed_uploads ON store.events ((data ->> 'upload_id')) WHERE type = 'upload-failed';

-- Events that could not be applied when their turn came, and those that wait behind them.
CREATE TABLE read.parked (
    dataset        text NOT NULL,
    generation     int NOT NULL,
    position       bigint NOT NULL,
    type           text NOT NULL,
    keys           text[] NOT NULL,         -- what waits until it is decided about
    state          text NOT NULL CHECK (state IN ('parked', 'behind', 'retried', 'discarded')),
    reason         text,                    -- why it could not be applied; NULL for one that waits behind another
    behind         bigint,                  -- the position of the first one that it waits for
    upload_id      uuid,
    actor          text NOT NULL,
    recorded_at    timestamptz NOT NULL,
    ended_position bigint,                  -- where it was applied after all, or discarded
    ended_at       timestamptz,
    ended_by       text,
    ended_reason   text,
    PRIMARY KEY (dataset, generation, position)
);
CREATE INDEX parked_waiting ON read.parked (dataset, generation, position) WHERE ended_position IS NULL;

CREATE INDEX events_about_parking ON store.events (dataset, position)
    WHERE type IN ('event-parked', 'parked-retried', 'parked-discarded');

-- Why the owner of a lane does not go on by itself.
ALTER TABLE read.checkpoints ADD COLUMN stopped_at timestamptz, ADD COLUMN stopped_reason text;
