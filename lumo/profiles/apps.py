from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    name = "lumo.profiles"
    default_auto_field = "django.db.models.BigAutoField"
