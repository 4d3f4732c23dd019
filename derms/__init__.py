"""The platform: who, which device, which wire. Rooms and their ladder: docs/architecture.md."""
