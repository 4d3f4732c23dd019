"""Replays into the sandbox, and how far a sender's clock is off."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cim", "0005_outbound_lists")]

    operations = [
        migrations.AddField(
            model_name="cimmessage",
            name="drift_s",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="cimmessage",
            name="replay_of",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddIndex(
            model_name="cimmessage",
            index=models.Index(
                condition=models.Q(("replay_of", ""), _negated=True),
                fields=["replay_of"],
                name="cimmessage_replays",
            ),
        ),
    ]
