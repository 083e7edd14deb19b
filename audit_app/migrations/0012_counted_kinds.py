from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit_app', '0011_export_progress'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('kind__in', ['request.submitted', 'request.approved', 'grant.opened', 'grant.closed'])), fields=['kind', 'at'], include=['id', 'story', 'object_id', 'resource_label', 'subject_id'], name='event_counted'),
        ),
    ]
