from django.db import migrations

# Nullable or with a default: a process of the version before may go on writing.
COLUMNS = """
ALTER TABLE flow_requests ADD COLUMN message text NOT NULL DEFAULT '';    -- the Auto Send Message that it names
ALTER TABLE retries ADD COLUMN revision_id bigint;      -- of the Auto Send Message that `payload` was made from
ALTER TABLE deliveries ADD COLUMN revision_id bigint;   -- of the Auto Send Message that was sent; null: a direct text
"""
DROP = """
ALTER TABLE deliveries DROP COLUMN revision_id;
ALTER TABLE retries DROP COLUMN revision_id;
ALTER TABLE flow_requests DROP COLUMN message;
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0001_initial"), ("messaging", "0001_initial")]
    operations = [migrations.RunSQL(COLUMNS, DROP)]
