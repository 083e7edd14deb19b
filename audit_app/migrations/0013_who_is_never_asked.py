import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit_app', '0012_counted_kinds'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewitem',
            name='apart_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list, help_text='Who has a part in it beside the person, and is never asked.', size=None),
        ),
    ]
