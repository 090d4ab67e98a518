"""GTA5: street scenes from a computer game."""
