"""Management commands of the southbound room."""
