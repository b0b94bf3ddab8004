import django.db.models.deletion
from django.db import migrations, models

from oneview.common.walls import wall


def vouched() -> models.ForeignKey:
    """A table whose composite key to an identity vouches for the account."""
    return models.ForeignKey(
        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to="accounts.account"
    )


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
                ("account", vouched()),
            ],
        ),
        wall("identity_sight", keep_keys=("identity_sight",)),
        migrations.AddIndex(
            model_name="boundary", index=models.Index(fields=["account", "value"], name="boundary_value")
        ),
        *(
            migrations.AlterField(model_name=name, name="account", field=vouched())
            for name in ("evidence", "change", "attribute", "contact")
        ),
    ]
