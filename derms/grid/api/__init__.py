"""REST door of the grid room."""
