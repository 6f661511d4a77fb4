-- For substrings that have an index (`Search(index=True)`); where it may not be made they are searched without one.
DO $reading$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA read; EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    RAISE WARNING 'There is no pg_trgm (%). Whoever may makes it: CREATE EXTENSION pg_trgm SCHEMA read', SQLERRM; END $reading$;
