"""The trail's rows never change: the database itself refuses it, whoever asks, replication role included."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_app_event_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_app_event is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_app_event_no_change
    BEFORE UPDATE OR DELETE ON audit_app_event
    FOR EACH ROW EXECUTE FUNCTION audit_app_event_never_changes();
CREATE TRIGGER audit_app_event_no_truncate
    BEFORE TRUNCATE ON audit_app_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_app_event_never_changes();
ALTER TABLE audit_app_event ENABLE ALWAYS TRIGGER audit_app_event_no_change;
ALTER TABLE audit_app_event ENABLE ALWAYS TRIGGER audit_app_event_no_truncate;
"""

BACKWARD = """
DROP TRIGGER audit_app_event_no_truncate ON audit_app_event;
DROP TRIGGER audit_app_event_no_change ON audit_app_event;
DROP FUNCTION audit_app_event_never_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("audit_app", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
