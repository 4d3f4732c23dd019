"""REST door of accounts, and what every REST view stands on: authentication and permission."""
