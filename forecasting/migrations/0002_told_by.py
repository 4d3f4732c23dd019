"""Who told a forecast."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("forecasting", "0001_told_curves")]

    operations = [
        migrations.AddField(
            model_name="toldcurve",
            name="told_by",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
    ]
