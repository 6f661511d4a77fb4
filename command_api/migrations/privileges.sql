-- What each service may do in the database; said anew after every migration, in one transaction (command_api/privileges.py).
-- Whoever migrates owns the schemas "store", "read" and "limits"; the projector owns the generations that it makes.

GRANT CONNECT ON DATABASE {database} TO tablefold_command, tablefold_projector, tablefold_query;
REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA store, read, limits FROM tablefold_command, tablefold_projector, tablefold_query;
REVOKE ALL ON SCHEMA store, read, limits, public FROM PUBLIC, tablefold_command, tablefold_projector, tablefold_query;

-- The command API: everything in the store, but events and the audit are only added to; it reads what became of commands.
GRANT USAGE ON SCHEMA store, read, limits TO tablefold_command;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA store, limits TO tablefold_command;
REVOKE UPDATE, DELETE ON store.events, store.audit FROM tablefold_command;
GRANT SELECT ON ALL TABLES IN SCHEMA read TO tablefold_command;

-- The projector: everything in the books and in its generations; of the store, what it takes to read and to add events.
GRANT CREATE, TEMPORARY ON DATABASE {database} TO tablefold_projector;
GRANT USAGE ON SCHEMA store, read TO tablefold_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA read TO tablefold_projector;
GRANT SELECT, INSERT ON store.events, store.uploads TO tablefold_projector;
GRANT SELECT, INSERT, UPDATE ON store.heads TO tablefold_projector;
GRANT SELECT, INSERT, DELETE ON store.claims TO tablefold_projector;
GRANT SELECT, UPDATE (id) ON store.rebuilds TO tablefold_projector;  -- A flip locks the request, and changes nothing of it.

-- The query API: reads what it serves and how callers stand, adds to the audit, and counts calls.
GRANT USAGE ON SCHEMA store, read, limits TO tablefold_query;
GRANT SELECT, INSERT, UPDATE ON limits.shares TO tablefold_query;
GRANT SELECT ON ALL TABLES IN SCHEMA read TO tablefold_query;
GRANT SELECT ON store.users, store.dataset_roles, store.api_keys, store.uploads, store.senders, store.people, store.rebuilds
TO tablefold_query;
GRANT SELECT (session_id, user_id, revoked_at) ON store.sessions TO tablefold_query;
GRANT INSERT ON store.audit TO tablefold_query;

-- Generations come and go, so what their maker makes can be read by those who read.
ALTER DEFAULT PRIVILEGES FOR ROLE tablefold_projector GRANT USAGE ON SCHEMAS TO tablefold_command, tablefold_query;
ALTER DEFAULT PRIVILEGES FOR ROLE tablefold_projector GRANT SELECT ON TABLES TO tablefold_command, tablefold_query;
