"""The job engine's tables. They stand in the lowest domain because every domain may enqueue."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from lumo.postgres.jobs import install_sql

TUNING = """
ALTER TABLE pgqueuer SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
ALTER TABLE pgqueuer_log SET (autovacuum_vacuum_scale_factor = 0.05);
"""


def install(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(install_sql())
        cursor.execute(TUNING)


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0001_initial")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
