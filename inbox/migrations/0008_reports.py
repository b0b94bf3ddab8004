"""When supervisors are to be told of an endpoint that was switched off. Those that are off by now were told, or not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inbox", "0007_names")]
    operations = [migrations.AddField("endpoint", "report_at", models.DateTimeField(null=True))]
