"""REST of the southbound room: the journal of device commands, and the links."""
