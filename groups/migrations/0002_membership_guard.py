"""Set-based integrity of memberships: group and device exist, open and closed periods apart."""

from django.db import migrations

GUARD = """
CREATE FUNCTION groups_membership_exist() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT group_id FROM new_rows) n
        LEFT JOIN groups_dergroup g ON g.id = n.group_id WHERE g.id IS NULL
    ) OR EXISTS (
        SELECT FROM new_rows n LEFT JOIN devices_enddevice d ON d.id = n.device_id
        WHERE d.id IS NULL
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'membership of an unknown group or device';
    END IF;
    RETURN NULL;
END $$;

-- Open against open is the unique index, closed against closed the exclusion constraint; each
-- half below is answered by the index of the other kind.
CREATE FUNCTION groups_membership_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_rows n
        JOIN groups_membership m ON m.group_id = n.group_id AND m.device_id = n.device_id
        WHERE upper_inf(n.period) AND NOT upper_inf(m.period) AND m.period && n.period
    ) OR EXISTS (
        SELECT FROM new_rows n
        JOIN groups_membership m ON m.group_id = n.group_id AND m.device_id = n.device_id
        WHERE NOT upper_inf(n.period) AND upper_inf(m.period) AND m.period && n.period
    ) THEN
        RAISE exclusion_violation USING MESSAGE = 'overlapping membership periods';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER groups_membership_exist AFTER INSERT ON groups_membership
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION groups_membership_exist();
CREATE TRIGGER groups_membership_apart_insert AFTER INSERT ON groups_membership
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION groups_membership_apart();
CREATE TRIGGER groups_membership_apart_update AFTER UPDATE ON groups_membership
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION groups_membership_apart();
"""

UNDO = """
DROP TRIGGER groups_membership_exist ON groups_membership;
DROP TRIGGER groups_membership_apart_insert ON groups_membership;
DROP TRIGGER groups_membership_apart_update ON groups_membership;
DROP FUNCTION groups_membership_exist;
DROP FUNCTION groups_membership_apart;
"""


class Migration(migrations.Migration):
    dependencies = [("groups", "0001_initial"), ("devices", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNDO)]
