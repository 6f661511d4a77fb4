-- How often and how much: a schema of its own, so that a service may be let write here and nowhere else.

CREATE SCHEMA limits;

-- When processes took a share of what somebody may call (shared/shares.py). Unlogged: who survives a crash of
-- PostgreSQL may begin anew.
CREATE UNLOGGED TABLE limits.shares (
    subject  text NOT NULL,            -- user:ann, address:203.0.113.7
    policy   text NOT NULL,            -- the name of the limit, as in the RateLimit header
    taken_at timestamptz[] NOT NULL,   -- in order; those that are older than the window count no more
    PRIMARY KEY (subject, policy)
) WITH (fillfactor = 50);

-- How many bytes each user sent on a day of UTC (command_api/quotas.py); what is being sent is in it.
CREATE TABLE limits.uploaded (
    user_id    uuid NOT NULL REFERENCES store.users ON DELETE CASCADE,
    day        date NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    PRIMARY KEY (user_id, day)
) WITH (fillfactor = 50);

-- In place of what the settings say for all.
ALTER TABLE store.users ADD COLUMN upload_bytes_per_day bigint CHECK (upload_bytes_per_day >= 0);
