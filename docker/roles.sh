#!/bin/sh
# Run once by the postgres image on an empty volume: the role the site connects as, which owns no table.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$LATCH_SITE_PASSWORD" <<'SQL'
CREATE ROLE latch_site LOGIN PASSWORD :'password';
-- A transaction left open holds back the sealing of the audit trail.
ALTER ROLE latch_site SET idle_in_transaction_session_timeout = '60s';
SQL
