import django.db.models.deletion
from django.db import migrations, models

from oneview.common.walls import wall


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_walls"), ("identity", "0002_walls")]
    operations = [
        migrations.CreateModel(
            name="Sight",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id",
                        "address",
                        "at",
                        "digest",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("address", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("digest", models.UUIDField()),
                ("source", models.UUIDField()),
                ("content", models.JSONField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="accounts.account",
                    ),
                ),
            ],
        ),
        wall("identity_sight", keep_keys=("identity_sight",)),
    ]
