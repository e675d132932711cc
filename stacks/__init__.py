"""The borders between the projects: settings in, outputs out, the provider, the release gate."""
