"""The routes of the API, one module for each area: request types, handlers and table rows."""
