"""Plain prediction beside what else one would pick: data, methods, scores and tables."""
