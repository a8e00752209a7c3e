"""How a release's settings are made from the project's own."""
