"""Pictures: one style, sheets drawn to scale."""
