"""The browser side of events: topics, who may see them, push_tick, the WebSocket consumer.

Read first: `topics.py`, `services.py`, `consumers.py`.
"""
