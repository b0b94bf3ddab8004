from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("channels_ingest", "0004_channel_checks"),
    ]

    operations = [
        migrations.AddField(
            model_name="outboxmessage",
            name="withdrawn",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
    ]
