"""The commands, one per file; each file is imported when its command runs, and is called like it."""
