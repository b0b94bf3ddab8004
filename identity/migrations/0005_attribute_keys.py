from django.db import migrations, models
from django.db.models.functions import Left


class Migration(migrations.Migration):
    """Who else has a number or an address that somebody wrote."""

    dependencies = [
        ("identity", "0004_contact_tags"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="attribute",
            index=models.Index(
                "account",
                "name",
                Left("value", 200),
                condition=models.Q(("name__in", ["phone", "email"])),
                name="attribute_key",
            ),
        ),
    ]
