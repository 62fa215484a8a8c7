"""For those who run the server: figures, what is owed outside, how it stands, what has happened."""
