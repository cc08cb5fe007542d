"""The pages as people meet them; a package, for its browser ends with it."""
