"""Pure computations of the groups room: definitions, membership merge, aggregation."""
