"""What a supervisor wants to know of a channel: whether its provider has asked for our word, and what it says of its
credentials.
"""

from django.db import migrations, models

# The door serves all accounts and knows the channel by its secret address.
NOTE_HANDSHAKE = """
CREATE FUNCTION note_handshake(given text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE channels_ingest_channel SET handshake_at = now() WHERE public_id = given
$$
"""


class Migration(migrations.Migration):
    dependencies = [("channels_ingest", "0003_ended_sessions")]
    operations = [
        migrations.AddField("channel", "handshake_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("channel", "check_asked_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("channel", "checked_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("channel", "check_passed", models.BooleanField(blank=True, null=True)),
        migrations.AddField("channel", "check_words", models.CharField(blank=True, max_length=300)),
        migrations.RunSQL(NOTE_HANDSHAKE, "DROP FUNCTION note_handshake"),
    ]
