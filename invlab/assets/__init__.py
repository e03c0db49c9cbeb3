"""What ships with the package besides code: the drawn objects' sprite sheet and the drawings it is built from."""
