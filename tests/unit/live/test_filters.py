"""Filters of topics run inside the socket process, where a database call breaks the connection."""

import pytest

from derms.live import topics

ROW = {"mrid": "x", "group_mrid": "g"}


@pytest.mark.django_db
def test_rows_for_people_are_filtered_without_the_database(operator, django_assert_num_queries):
    filtered = [topic for topic in topics.registered().values() if topic.visible]
    assert {"dispatches", "controls", "groups"} <= {topic.name for topic in filtered}

    with django_assert_num_queries(0):
        for topic in filtered:
            assert topic.visible([ROW], operator.actor) == [ROW]
