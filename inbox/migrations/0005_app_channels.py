"""Which channels of a conversation are used from a mobile app."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inbox", "0004_endpoints")]
    operations = [
        migrations.AddField(
            model_name="conversation",
            name="app_channels",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), db_default=[], default=list, size=None
            ),
        ),
    ]
