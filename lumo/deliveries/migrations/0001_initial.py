"""Flow requests, queue, retries, deliveries: plain SQL, because the hot path writes them without Django.

Ids carry their time (DESIGN §5), so a range of ids is a range of time and the partitions follow it. The DEFAULT
partitions catch what no other takes; `lumo.deliveries.partitions` makes the real ones.
"""

from django.db import migrations

TABLES = """
CREATE TABLE flow_requests (
    id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    connection_id bigint NOT NULL,
    code text,              -- why it was refused; 'duplicate'; null when taken
    original_id bigint,     -- of a duplicate
    account_id bigint,
    line_user_id text,
    flow_id text NOT NULL,
    placement text NOT NULL,
    profile text NOT NULL,
    event text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
ALTER TABLE flow_requests ALTER COLUMN body SET STORAGE MAIN;
CREATE TABLE flow_requests_default PARTITION OF flow_requests DEFAULT;
CREATE INDEX flow_requests_refused ON flow_requests (workspace_id, id) WHERE code IS NOT NULL;

CREATE TABLE queue (
    delivery_id bigint PRIMARY KEY,
    batch_id bigint NOT NULL,
    account_id bigint NOT NULL,
    line_user_id text NOT NULL,
    priority smallint NOT NULL,
    stored_at timestamptz NOT NULL,
    request_id bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
CREATE INDEX queue_batch ON queue (batch_id);

CREATE TABLE retries (
    delivery_id bigint PRIMARY KEY,
    batch_id bigint,        -- of the job that has it in hand, else null
    claimed_at timestamptz,
    account_id bigint NOT NULL,
    line_user_id text NOT NULL,
    priority smallint NOT NULL,
    stored_at timestamptz NOT NULL,
    request_id bigint NOT NULL,
    due_at timestamptz NOT NULL,    -- 'infinity' while its account is paused
    attempts smallint NOT NULL,
    first_attempt_at timestamptz,
    reason text NOT NULL,
    detail text NOT NULL,
    is_in_doubt boolean NOT NULL DEFAULT false,     -- an attempt got no answer: LINE may have accepted it
    payload bytea           -- the rendered request, null before the first attempt
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
ALTER TABLE retries ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX retries_due ON retries (due_at) WHERE due_at < 'infinity' AND batch_id IS NULL;
CREATE INDEX retries_batch ON retries (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX retries_stored ON retries (stored_at);
CREATE INDEX retries_parked ON retries (account_id) WHERE due_at = 'infinity' AND batch_id IS NULL;

CREATE TABLE deliveries (
    id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    account_id bigint NOT NULL,
    line_user_id text NOT NULL,
    route text NOT NULL CHECK (route IN ('flow')),
    request_id bigint,
    flow_id text NOT NULL,
    placement text NOT NULL,
    profile text NOT NULL,
    state text NOT NULL CHECK (state IN ('delivered', 'failed', 'skipped')),
    reason text,
    detail text NOT NULL,
    attempts smallint NOT NULL,
    stored_at timestamptz NOT NULL,
    first_attempt_at timestamptz,
    finished_at timestamptz NOT NULL,
    line_request_id text NOT NULL,
    is_in_doubt boolean NOT NULL DEFAULT false,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT;
CREATE INDEX deliveries_workspace ON deliveries (workspace_id, id);

CREATE TABLE dedupe_keys (
    key bytea PRIMARY KEY,
    delivery_id bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX dedupe_keys_expiry ON dedupe_keys USING brin (expires_at) WITH (autosummarize = on);

CREATE TABLE cap_reservations (
    delivery_id bigint PRIMARY KEY,
    friend_id bigint NOT NULL REFERENCES friends ON DELETE CASCADE,
    reserved_at timestamptz NOT NULL
);
CREATE INDEX cap_reservations_friend ON cap_reservations (friend_id, reserved_at);

CREATE UNLOGGED TABLE rate_leases (
    account_id bigint NOT NULL,
    endpoint text NOT NULL,
    slice bigint NOT NULL,
    used integer NOT NULL,
    granted integer NOT NULL,   -- to the last who asked
    PRIMARY KEY (account_id, endpoint)
) WITH (fillfactor = 50);
"""

DROP = """
DROP TABLE rate_leases, cap_reservations, dedupe_keys, deliveries, retries, queue, flow_requests;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("accounts", "0001_initial"), ("profiles", "0001_initial"), ("workspaces", "0002_jobs")]
    operations = [migrations.RunSQL(TABLES, DROP)]
