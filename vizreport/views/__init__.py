"""Pictures: one result, one Bokeh model or one set of columns for the page's own scripts."""
