"""Files that runs write and read again; each is written completely or not at all."""
