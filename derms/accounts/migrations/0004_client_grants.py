"""API clients get grants, and an end."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_client_stage")]

    operations = [
        migrations.AddField(
            model_name="apiclient",
            name="grants",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="apiclient",
            name="retired_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
