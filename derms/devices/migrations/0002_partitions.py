"""The partitioned tables of readings, which Django's models describe but do not manage."""

from django.db import migrations

READINGS = """
CREATE TABLE devices_reading (
    measured_at timestamptz NOT NULL,
    value double precision NOT NULL,
    device_id integer NOT NULL,
    quantity smallint NOT NULL,
    quality smallint NOT NULL,
    source smallint NOT NULL,
    PRIMARY KEY (device_id, quantity, measured_at)
) PARTITION BY RANGE (measured_at);
-- Readings arrive about in the order of time: a few bytes per page find an interval of a day.
CREATE INDEX devices_reading_time ON devices_reading
    USING brin (measured_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE devices_readingrollup (
    start_at timestamptz NOT NULL,
    mean double precision NOT NULL,
    minimum double precision NOT NULL,
    maximum double precision NOT NULL,
    device_id integer NOT NULL,
    count integer NOT NULL,
    quantity smallint NOT NULL,
    PRIMARY KEY (device_id, quantity, start_at)
) PARTITION BY RANGE (start_at);

-- Latest values change all the time: leave room on each page, so updates stay on it (HOT).
ALTER TABLE devices_latestreading SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE devices_devicestatus SET (fillfactor = 60);
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0001_initial")]
    operations = [
        migrations.RunSQL(READINGS, "DROP TABLE devices_reading; DROP TABLE devices_readingrollup;")
    ]
