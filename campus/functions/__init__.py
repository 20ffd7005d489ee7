"""The web service functions, one module an area; `table` lists them all."""
