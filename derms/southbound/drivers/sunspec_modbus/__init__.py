"""SunSpec Modbus TCP (IEEE 1547-2018 option): models 1, 103, 701-704, 713, 715."""
