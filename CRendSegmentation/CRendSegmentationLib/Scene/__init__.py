"""What lies in the MRML scene: nodes, segments, tables, views, files of a result."""
