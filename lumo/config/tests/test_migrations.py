"""The migrations and the models."""

from django.core.management import call_command


def test_the_migrations_say_all_that_the_models_do(database_url: str) -> None:
    call_command("makemigrations", check_changes=True, dry_run=True)
