from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "oneview.accounts"
    label = "accounts"
    verbose_name = "Account"
