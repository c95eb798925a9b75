"""What is true of France, with its sources: rules as small modules, lists as TOML files beside them.

A territory, a category, a class of zone, a generation, a programme or a published figure is added in the file of its list.
"""
