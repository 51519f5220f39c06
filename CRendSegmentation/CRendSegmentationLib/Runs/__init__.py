"""Work under way, polled from the main thread."""
