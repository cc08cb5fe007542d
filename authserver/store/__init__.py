"""SQL lives here and nowhere else: one file per table, one per engine."""
