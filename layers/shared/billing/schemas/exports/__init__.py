"""What exports have of each kind: the API's own form, and a flat row."""
