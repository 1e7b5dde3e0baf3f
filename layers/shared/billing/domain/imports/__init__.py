"""What an import takes over from elsewhere, whoever kept it before."""
