"""Seals audit records at commit and refuses every other change to them."""

from django.db import migrations

CHAIN = """
-- The verification needs to find unsealed records without a scan.
CREATE INDEX audit_unsealed ON audit_auditrecord (id) WHERE seq IS NULL;
ALTER TABLE audit_audithead SET (fillfactor = 10, autovacuum_vacuum_threshold = 50);

-- Deferred to commit, so the head row is locked for the commit only and the order of the chain
-- is the order of commits. The first record of a transaction seals all that follow it, with one
-- new head: what is visible and unsealed here can only be this transaction's own.
CREATE FUNCTION audit_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next_seq bigint;
    next_hash text;
    fresh record;
    before_hash text;
BEGIN
    PERFORM 1 FROM audit_auditrecord WHERE id = NEW.id AND seq IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO audit_audithead (singleton, seq, hash) VALUES (true, 0, '')
        ON CONFLICT (singleton) DO NOTHING;
    SELECT seq, hash INTO next_seq, next_hash FROM audit_audithead FOR UPDATE;
    FOR fresh IN SELECT id, payload FROM audit_auditrecord
            WHERE seq IS NULL AND id >= NEW.id ORDER BY id LOOP
        before_hash := next_hash;
        next_seq := next_seq + 1;
        next_hash := encode(sha256(convert_to(before_hash || fresh.payload, 'UTF8')), 'hex');
        UPDATE audit_auditrecord
            SET seq = next_seq, prev_hash = before_hash, hash = next_hash WHERE id = fresh.id;
    END LOOP;
    UPDATE audit_audithead SET seq = next_seq, hash = next_hash;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER audit_seal_at_commit AFTER INSERT ON audit_auditrecord
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_seal();

-- Append only: the single change a record may see is being sealed.
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND NEW.seq IS NOT NULL
       AND (to_jsonb(NEW) - '{seq,prev_hash,hash}'::text[])
         = (to_jsonb(OLD) - '{seq,prev_hash,hash}'::text[]) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit records cannot be changed (%)', TG_OP USING ERRCODE = '42501';
END $$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_auditrecord
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditrecord
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

-- A new record arrives unsealed: nobody brings a seal along.
CREATE FUNCTION audit_arrive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.seq := NULL; NEW.prev_hash := ''; NEW.hash := '';
    RETURN NEW;
END $$;
CREATE TRIGGER audit_arrive_unsealed BEFORE INSERT ON audit_auditrecord
    FOR EACH ROW EXECUTE FUNCTION audit_arrive();

-- The head only moves forward and never goes away.
CREATE FUNCTION audit_guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.seq > OLD.seq THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit head cannot go back (%)', TG_OP USING ERRCODE = '42501';
END $$;
CREATE TRIGGER audit_head_forward BEFORE UPDATE OR DELETE ON audit_audithead
    FOR EACH ROW EXECUTE FUNCTION audit_guard_head();
CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard_head();
"""

BACK = """
DROP TRIGGER audit_head_no_truncate ON audit_audithead;
DROP TRIGGER audit_head_forward ON audit_audithead;
DROP TRIGGER audit_arrive_unsealed ON audit_auditrecord;
DROP TRIGGER audit_no_truncate ON audit_auditrecord;
DROP TRIGGER audit_append_only ON audit_auditrecord;
DROP TRIGGER audit_seal_at_commit ON audit_auditrecord;
DROP FUNCTION audit_guard_head, audit_arrive, audit_refuse_change, audit_seal;
DROP INDEX audit_unsealed;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(CHAIN, BACK)]
