"""Reports: spans of a tenant's time, folds over its journal, and the tables that come of them."""
