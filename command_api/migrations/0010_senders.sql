-- Who sent the bytes of somebody else's upload once more: he may see it as if it were his own.
CREATE TABLE store.senders (
    actor     text NOT NULL,
    upload_id uuid NOT NULL REFERENCES store.uploads,
    PRIMARY KEY (actor, upload_id)
);

-- What the query API may tell administrators of users: nothing that proves who somebody is.
CREATE VIEW store.people AS
SELECT u.name, u.role, u.scopes, u.disabled_at IS NOT NULL AS disabled, u.created_at, u.upload_bytes_per_day,
       (SELECT coalesce(json_object_agg(d.dataset, d.role ORDER BY d.dataset), '{}') FROM store.dataset_roles AS d
        WHERE d.user_id = u.user_id) AS dataset_roles
FROM store.users AS u;
