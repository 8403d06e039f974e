"""A look at everything that has to be right before the first live day; it changes nothing."""
