"""New projects: the choices, the advice, and the generated files."""
