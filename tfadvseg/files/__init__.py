"""What runs write and read again: whole or not at all."""
