"""Real clients that visit a running server: many at once, in one loop of Trio."""
