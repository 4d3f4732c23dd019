"""REST of what spans rooms: the overview and the system's health."""
