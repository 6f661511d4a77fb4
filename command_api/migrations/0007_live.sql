-- How far a dataset's log goes, as the owner of its lane saw it last and when; and since when the first event that is not
-- folded waits, NULL where none does.
ALTER TABLE read.checkpoints ADD COLUMN head bigint, ADD COLUMN head_seen_at timestamptz, ADD COLUMN waiting_since timestamptz;

-- The position of the event that changed an upload last, so that whoever follows can ask for what is newer.
ALTER TABLE read.uploads ADD COLUMN failed_position bigint;
ALTER TABLE read.uploads ADD COLUMN changed_position bigint
    GENERATED ALWAYS AS (greatest(received_position, published_position, failed_position, withdrawn_position)) STORED;

CREATE INDEX uploads_by_change ON read.uploads (dataset, generation, changed_position);
CREATE INDEX uploads_under_way ON read.uploads (dataset, generation) WHERE state IN ('loading', 'loaded', 'publishing', 'review');
