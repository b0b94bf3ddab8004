"""The account that a user opened last: their next sign-in begins with it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_names")]
    operations = [
        migrations.AddField(
            "user",
            "last_account",
            models.ForeignKey(
                "accounts.account",
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
            ),
        ),
    ]
