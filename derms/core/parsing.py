"""How REST reads JSON: bounded in depth. DRF loads this by name while its views are loading."""

from typing import Any

from rest_framework import exceptions, parsers


class JsonParser(parsers.JSONParser):
    """DRF's parser, for which brackets without end are bad input and not a crash."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Read one JSON text.

        Raises:
            ParseError: not JSON, or nested beyond all reason.
        """
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("The JSON is nested too deeply.") from error
