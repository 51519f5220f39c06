"""The folder that a batch writes: files of each volume, and tables, pictures and a page of all."""
