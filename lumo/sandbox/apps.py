from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "lumo.sandbox"
    label = "sandbox"
