"""Cursor pages: stable under inserts, never an unbounded list."""

from rest_framework.pagination import CursorPagination


class CursorPage(CursorPagination):
    """`{next, previous, results}`; at most 500 rows, lowest id first."""

    ordering = "id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500


class NewestFirst(CursorPage):
    """The same with the highest id first."""

    ordering = "-id"
