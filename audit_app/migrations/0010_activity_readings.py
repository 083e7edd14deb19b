from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit_app', '0009_shipping'),
    ]

    operations = [
        migrations.CreateModel(
            name='ActivityReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('story', models.CharField(max_length=40, unique=True)),
                ('asked_at', models.DateTimeField(help_text='When somebody last asked for it to be read.')),
                ('tried_at', models.DateTimeField(blank=True, help_text='When a worker last had an answer, or none.', null=True)),
                ('due_at', models.DateTimeField(blank=True, help_text='Not before, as Azure asked; empty is at once.', null=True)),
                ('read_at', models.DateTimeField(blank=True, help_text='Of which moment the rows are.', null=True)),
                ('records', models.JSONField(blank=True, default=list)),
                ('partial', models.TextField(blank=True, help_text='Why these are not all rows.')),
                ('error', models.TextField(blank=True, help_text='Why the last try failed; the rows are then those before.')),
            ],
            options={
                'ordering': ['-asked_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('read_at__isnull', False), ('tried_at__isnull', False)), models.Q(('partial', ''), ('read_at__isnull', True)), _connector='OR'), name='activity_rows_have_a_time')],
            },
        ),
    ]
