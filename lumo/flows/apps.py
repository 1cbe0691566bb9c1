from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "lumo.flows"
    default_auto_field = "django.db.models.BigAutoField"
