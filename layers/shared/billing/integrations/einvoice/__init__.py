"""Electronic invoices: EN 16931 in the syntax of UN/CEFACT (CII), alone or inside a PDF."""
