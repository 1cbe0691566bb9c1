"""How often a connection's requests were refused before they proved themselves, and a workspace's own rate."""

from django.db import migrations

TABLES = """
CREATE TABLE refusal_counts (
    connection_id bigint NOT NULL REFERENCES klaviyo_connections ON DELETE CASCADE,
    code text NOT NULL,
    hour timestamptz NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (connection_id, code, hour)
);
CREATE UNLOGGED TABLE request_rates (
    workspace_id bigint PRIMARY KEY,
    second bigint NOT NULL,
    count integer NOT NULL
) WITH (fillfactor = 50);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("profiles", "0001_initial"), ("workspaces", "0001_initial")]
    operations = [migrations.RunSQL(TABLES, "DROP TABLE request_rates, refusal_counts;")]
