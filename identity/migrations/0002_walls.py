from django.db import migrations

from oneview.common.walls import Reference, wall


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial")]
    operations = [
        wall(
            *(
                f"identity_{name}"
                for name in (
                    "identity",
                    "boundary",
                    "evidence",
                    "decision",
                    "change",
                    "settings",
                    "attribute",
                    "contact",
                )
            ),
            references=[
                Reference("identity_identity", "contact_id", "identity_identity"),
                Reference("identity_evidence", "a_id", "identity_identity"),
                Reference("identity_evidence", "b_id", "identity_identity"),
                Reference("identity_decision", "a_id", "identity_identity"),
                Reference("identity_decision", "b_id", "identity_identity"),
                Reference("identity_change", "identity_id", "identity_identity"),
                Reference("identity_attribute", "identity_id", "identity_identity"),
                Reference("identity_contact", "id", "identity_identity"),
            ],
        ),
    ]
