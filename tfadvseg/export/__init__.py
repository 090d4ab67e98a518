"""SavedModels for serving, and their use from Python."""
