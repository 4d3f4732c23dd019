"""Set-based integrity of memberships: group and device exist, open and closed periods apart."""

from django.db import migrations

GUARD = """
CREATE FUNCTION groups_membership_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_rows n
        WHERE NOT EXISTS (SELECT FROM devices_enddevice d WHERE d.id = n.device_id)
           OR NOT EXISTS (SELECT FROM groups_dergroup g WHERE g.id = n.group_id)
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'membership of an unknown group or device';
    END IF;
    IF EXISTS (
        SELECT FROM new_rows n
        JOIN groups_membership m ON m.group_id = n.group_id AND m.device_id = n.device_id
        WHERE m.id <> n.id AND m.period && n.period
    ) THEN
        RAISE exclusion_violation USING MESSAGE = 'overlapping membership periods';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER groups_membership_guard_insert
    AFTER INSERT ON groups_membership REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION groups_membership_guard();
CREATE TRIGGER groups_membership_guard_update
    AFTER UPDATE ON groups_membership REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION groups_membership_guard();
CREATE INDEX groups_membership_pair ON groups_membership (group_id, device_id);
"""

UNDO = """
DROP TRIGGER groups_membership_guard_insert ON groups_membership;
DROP TRIGGER groups_membership_guard_update ON groups_membership;
DROP FUNCTION groups_membership_guard;
DROP INDEX groups_membership_pair;
"""


class Migration(migrations.Migration):
    dependencies = [("groups", "0001_initial"), ("devices", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNDO)]
