"""Facts about the outside world as dated data with their sources; nothing here decides anything."""
