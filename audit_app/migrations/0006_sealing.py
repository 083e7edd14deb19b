"""Salts and seals: what proves the trail, as unchangeable as the trail itself.

Events that are there already get a salt each while the column is added (the table is written anew, under an exclusive
lock: about ten seconds a million rows), without an UPDATE, so that no guard need sleep; they count as written by this
migration's own transaction and are sealed by the first rounds after it. The guard of the events lets one change pass
from here on: a sealed event's personal values, all of them, become the erased marker, and its salt goes.
"""

import audit_app.fields
import django.db.models.expressions
from django.db import migrations, models

ERASE = """
CREATE OR REPLACE FUNCTION audit_app_event_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased audit_app_event;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        erased := OLD;
        erased.actor_id := '[erased]';
        erased.actor_label := '[erased]';
        erased.subject_id := '[erased]';
        erased.subject_label := '[erased]';
        erased.object_id := '[erased]';
        erased.object_label := '[erased]';
        erased.source_address := NULL;
        erased.why := '[erased]';
        erased.data := '{"erased": true}';
        erased.salt := NULL;
        IF NEW IS NOT DISTINCT FROM erased AND OLD.salt IS NOT NULL
            AND EXISTS (SELECT 1 FROM audit_app_sealedevent WHERE event_id = OLD.id)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_app_event is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
"""
NEVER = """
CREATE OR REPLACE FUNCTION audit_app_event_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_app_event is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
"""
GUARD = """
CREATE FUNCTION audit_app_seal_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_app_seal_no_change BEFORE UPDATE OR DELETE ON audit_app_seal
    FOR EACH ROW EXECUTE FUNCTION audit_app_seal_never_changes();
CREATE TRIGGER audit_app_seal_no_truncate BEFORE TRUNCATE ON audit_app_seal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_app_seal_never_changes();
CREATE TRIGGER audit_app_sealedevent_no_change BEFORE UPDATE OR DELETE ON audit_app_sealedevent
    FOR EACH ROW EXECUTE FUNCTION audit_app_seal_never_changes();
CREATE TRIGGER audit_app_sealedevent_no_truncate BEFORE TRUNCATE ON audit_app_sealedevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_app_seal_never_changes();
ALTER TABLE audit_app_seal ENABLE ALWAYS TRIGGER audit_app_seal_no_change;
ALTER TABLE audit_app_seal ENABLE ALWAYS TRIGGER audit_app_seal_no_truncate;
ALTER TABLE audit_app_sealedevent ENABLE ALWAYS TRIGGER audit_app_sealedevent_no_change;
ALTER TABLE audit_app_sealedevent ENABLE ALWAYS TRIGGER audit_app_sealedevent_no_truncate;
"""
UNGUARD = """
DROP TRIGGER audit_app_sealedevent_no_truncate ON audit_app_sealedevent;
DROP TRIGGER audit_app_sealedevent_no_change ON audit_app_sealedevent;
DROP TRIGGER audit_app_seal_no_truncate ON audit_app_seal;
DROP TRIGGER audit_app_seal_no_change ON audit_app_seal;
DROP FUNCTION audit_app_seal_never_changes();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('audit_app', '0005_export_forms'),
    ]

    operations = [
        migrations.CreateModel(
            name='HeadCursor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('destination', models.CharField(max_length=300, unique=True)),
                ('sequence', models.BigIntegerField(default=0)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('sequence', models.BigIntegerField(primary_key=True, serialize=False)),
                ('epoch', models.CharField(max_length=60)),
                ('first', models.BigIntegerField()),
                ('last', models.BigIntegerField(unique=True)),
                ('count', models.IntegerField()),
                ('root', models.CharField(max_length=64)),
                ('previous', models.CharField(max_length=64)),
                ('sealed_at', models.DateTimeField()),
                ('horizon', audit_app.fields.TransactionField()),
                ('partly', models.BigIntegerField()),
                ('kid', models.CharField(max_length=80)),
                ('signature', models.TextField(help_text="A compact JWS that holds the seal's very bytes.")),
            ],
            options={
                'ordering': ['-sequence'],
            },
        ),
        migrations.CreateModel(
            name='SealedEvent',
            fields=[
                ('position', models.BigIntegerField(primary_key=True, serialize=False)),
                ('event_id', models.BigIntegerField(unique=True)),
                ('uid', models.UUIDField()),
                ('leaf', models.BinaryField()),
                ('commitments', models.BinaryField(help_text='One hash for each personal field, in the order of chain.py.')),
                ('at', models.DateTimeField(help_text='As it was when sealed, so that a changed time can be named.')),
                ('written_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['position'],
            },
        ),
        migrations.AddField(
            model_name='event',
            name='salt',
            field=models.BinaryField(db_default=models.Func(output_field=models.BinaryField(), template='(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))'), help_text='Of its commitments; gone when erased.', null=True),
        ),
        migrations.AddField(
            model_name='event',
            name='written_by',
            field=audit_app.fields.TransactionField(db_default=models.Func(function='pg_current_xact_id', output_field=audit_app.fields.TransactionField()), editable=False, help_text='The transaction that wrote it.'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['written_by', 'id'], name='event_written_by'),
        ),
        migrations.AddConstraint(
            model_name='seal',
            constraint=models.CheckConstraint(condition=models.Q(('count__gt', 0), ('last', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('first'), '+', models.F('count')), '-', models.Value(1)))), name='seal_spans_its_count'),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunSQL(ERASE, NEVER),
    ]
