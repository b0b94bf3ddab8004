from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0003_sights"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="tags",
            field=models.JSONField(db_default=[], default=list),
        ),
    ]
