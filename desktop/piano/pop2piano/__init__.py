"""Pop2Piano (Choi and Lee 2022): a network hears four beats of a song at a time and writes what a pianist would play to them."""
