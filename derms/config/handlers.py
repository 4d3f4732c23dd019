"""What browsers may watch that spans rooms."""

from derms.config import overview

overview.register_topic()
