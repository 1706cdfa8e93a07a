"""Why a model gave its answer: contributions of fields, and how the answer would change."""
