"""The dashboard: static pages that read nothing but the public JSON."""
