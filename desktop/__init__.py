"""The desktop app: a window over `mqwen`, which never imports it back."""
